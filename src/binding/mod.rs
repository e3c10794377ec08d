//! The N-API layer: conversion only. Every export and every task catches panics, because one that reached
//! Node would kill the user's process. The only place that names `napi`.

mod catch;
mod error;
mod exit;
mod lock;
mod store;
mod tasks;
mod text;
