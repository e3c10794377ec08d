//! Work for Node's pool: a closure that runs there, and a function that makes a JS value of its result.

use napi::bindgen_prelude::{ToNapiValue, TypeName};
use napi::{Env, Task};

use super::catch::{caught, finished};
use crate::error::Result;

type Run<T> = Box<dyn FnOnce() -> napi::Result<T> + Send>;
type Finish<T, J> = Box<dyn FnOnce(T) -> napi::Result<J> + Send>;

/// A piece of work. Both parts catch panics.
pub struct Work<T: Send + 'static, J> {
    run: Option<Run<T>>,
    finish: Option<Finish<T, J>>,
}

impl<T: Send + 'static, J: 'static> Work<T, J> {
    /// Puts a piece of work together.
    pub fn new<R: FnOnce() -> Result<T> + Send + 'static>(run: R, finish: fn(T) -> J) -> Self {
        let run: Run<T> = Box::new(|| caught(run));
        let finish: Finish<T, J> = Box::new(move |output| finished::<R, _>(|| finish(output)));
        Self { run: Some(run), finish: Some(finish) }
    }
}

impl<T: Send + 'static, J: ToNapiValue + TypeName> Task for Work<T, J> {
    type Output = Option<T>;
    type JsValue = J;

    fn compute(&mut self) -> napi::Result<Option<T>> {
        match self.run.take() {
            Some(run) => run().map(Some),
            None => Ok(None),
        }
    }

    fn resolve(&mut self, _: Env, output: Option<T>) -> napi::Result<J> {
        match (self.finish.take(), output) {
            (Some(finish), Some(output)) => finish(output),
            _ => Err(napi::Error::from_reason("a task ran twice")),
        }
    }
}
