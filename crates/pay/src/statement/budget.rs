//! A source that hands out no more than was allowed.

use std::io::{self, BufRead, Read};

/// Hands on so many bytes before somebody has to allow more, and counts lines.
pub(super) struct Budget<R> {
    inner: R,
    /// So many more.
    pub(super) left: usize,
    /// Somebody asked for more than was allowed.
    pub(super) spent: bool,
    /// The line that was read last, from 1.
    pub(super) line: u64,
}

impl<R: BufRead> Budget<R> {
    pub(super) const fn new(inner: R) -> Self {
        Self {
            inner,
            left: 0,
            spent: false,
            line: 1,
        }
    }
}

impl<R: BufRead> Read for Budget<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let ready = self.fill_buf()?;
        let count = ready.len().min(into.len());
        into[..count].copy_from_slice(&ready[..count]);
        self.consume(count);
        Ok(count)
    }
}

impl<R: BufRead> BufRead for Budget<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        let ready = self.inner.fill_buf()?;
        if self.left == 0 && !ready.is_empty() {
            self.spent = true;
            return Err(io::Error::other("too long"));
        }
        Ok(&ready[..ready.len().min(self.left)])
    }

    fn consume(&mut self, count: usize) {
        // What is consumed was handed out before, so this reads nothing anew.
        if let Ok(ready) = self.inner.fill_buf() {
            let lines = ready[..count.min(ready.len())]
                .iter()
                .filter(|byte| **byte == b'\n');
            self.line += lines.count() as u64;
        }
        self.left = self.left.saturating_sub(count);
        self.inner.consume(count);
    }
}
