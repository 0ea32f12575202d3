//! What is made of the configuration at its first use, and anew when that changes.

use std::sync::{Arc, Mutex, PoisonError};

use super::failure::Failure;
use crate::config::Config;

/// Something made of a configuration.
#[derive(Debug)]
pub struct Made<T>(Mutex<Option<(Arc<Config>, T)>>);

impl<T> Default for Made<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T: Clone> Made<T> {
    /// What was made of this configuration, or is made of it now.
    pub fn get(&self, config: &Arc<Config>, make: impl FnOnce() -> Result<T, Failure>) -> Result<T, Failure> {
        let mut made = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((of, it)) = &*made
            && Arc::ptr_eq(of, config)
        {
            return Ok(it.clone());
        }
        let it = make()?;
        *made = Some((Arc::clone(config), it.clone()));
        Ok(it)
    }
}
