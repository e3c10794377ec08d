//! Work for Node's pool: a closure that runs there, and a function that makes a JS value of its result.

use napi::bindgen_prelude::{ToNapiValue, TypeName};
use napi::{Env, Task};

use super::catch::{caught, caught_js};
use crate::error::Result;

type Run<T> = Box<dyn FnOnce() -> Result<T> + Send>;

/// A piece of work.
pub struct Work<T: Send + 'static, J> {
    run: Option<Run<T>>,
    finish: fn(T) -> J,
}

impl<T: Send + 'static, J> Work<T, J> {
    /// Puts a piece of work together.
    pub fn new(run: impl FnOnce() -> Result<T> + Send + 'static, finish: fn(T) -> J) -> Self {
        Self { run: Some(Box::new(run)), finish }
    }
}

impl<T: Send + 'static, J: ToNapiValue + TypeName> Task for Work<T, J> {
    type Output = Option<T>;
    type JsValue = J;

    fn compute(&mut self) -> napi::Result<Option<T>> {
        match self.run.take() {
            Some(run) => caught(run).map(Some),
            None => Ok(None),
        }
    }

    fn resolve(&mut self, _: Env, output: Option<T>) -> napi::Result<J> {
        let finish = self.finish;
        caught_js(|| output.map(finish).ok_or_else(|| napi::Error::from_reason("a task ran twice")))
    }
}
