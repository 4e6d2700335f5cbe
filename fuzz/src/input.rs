//! Bytes as a source of decisions.

/// The bytes of a run, taken from the front; past their end there are zeros. Small changes of the bytes are small
/// changes of what is decided, which is what a fuzzer lives on.
#[derive(Debug)]
pub(crate) struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    pub(crate) fn new(data: &'a [u8]) -> Self {
        Self(data)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn byte(&mut self) -> u8 {
        let Some((&first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        first
    }

    pub(crate) fn flag(&mut self) -> bool {
        self.byte() & 1 == 1
    }

    pub(crate) fn u16(&mut self) -> u16 {
        u16::from_be_bytes([self.byte(), self.byte()])
    }

    /// A sequence number: small ones, which repeat, and the largest there are.
    pub(crate) fn seq(&mut self) -> u64 {
        match self.byte() {
            n @ 250.. => u64::MAX - u64::from(255 - n),
            n => n.into(),
        }
    }

    /// A length of time in ms: none, moments, minutes, most of an hour.
    pub(crate) fn ms(&mut self) -> u64 {
        let n = self.u16();
        u64::from(n & 0x0FFF) * [0, 1, 60, 600][usize::from(n >> 14)]
    }

    /// An index into something of this length, which may be empty: then it is 0.
    pub(crate) fn index(&mut self, len: usize) -> usize {
        usize::from(self.byte()) % len.max(1)
    }

    /// One of a few.
    pub(crate) fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.index(of.len())]
    }

    /// As many bytes as the next one says.
    pub(crate) fn bytes(&mut self) -> &'a [u8] {
        let len = usize::from(self.byte()).min(self.0.len());
        let (bytes, rest) = self.0.split_at(len);
        self.0 = rest;
        bytes
    }

    /// As [`bytes`](Self::bytes), as text.
    pub(crate) fn text(&mut self) -> String {
        String::from_utf8_lossy(self.bytes()).into_owned()
    }
}
