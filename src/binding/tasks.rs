//! Work for Node's pool: a closure that runs there, and a function that makes a JS value of its result. All work has
//! one type, whatever it brings: each further one would bring a copy of napi's machinery with it.

use napi::bindgen_prelude::{ToNapiValue, Unknown};
use napi::{Env, ScopedTask};

use super::catch::{caught, finished, plain};
use crate::error::Result;

type Finish = Box<dyn FnOnce(&Env) -> napi::Result<Unknown<'_>> + Send>;
type Run = Box<dyn FnOnce() -> napi::Result<Finish> + Send>;

/// A piece of work. Both parts catch panics.
pub struct Work {
    run: Option<Run>,
}

impl Work {
    /// Puts a piece of work together.
    pub fn new<T, J, R>(run: R, finish: fn(T) -> J) -> Self
    where
        T: Send + 'static,
        J: ToNapiValue + 'static,
        R: FnOnce() -> Result<T> + Send + 'static,
    {
        let run = move || {
            let output = caught(run)?;
            let finish: Finish = Box::new(move |env| finished::<R, _>(|| finish(output))?.into_unknown(env));
            Ok(finish)
        };
        Self { run: Some(Box::new(run)) }
    }
}

impl<'task> ScopedTask<'task> for Work {
    type Output = Finish;
    type JsValue = Unknown<'task>;

    fn compute(&mut self) -> napi::Result<Finish> {
        let run = self.run.take().ok_or_else(|| napi::Error::from_reason("a task ran twice"))?;
        run()
    }

    fn resolve(&mut self, env: &'task Env, finish: Finish) -> napi::Result<Unknown<'task>> {
        finish(env)
    }
}

impl Drop for Work {
    fn drop(&mut self) {
        // What never ran, because its environment ended, may have much to give up.
        let run = self.run.take();
        let _ = plain(|| drop(run));
    }
}
