//! Turns the fuzzer's bytes into decisions.

/// The bytes of a run, consumed from the front; after the end every read returns zero. Small changes of the input lead
/// to small changes of the run, so that the fuzzer's mutations stay meaningful.
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

    /// A sequence number: 0 to 249, which makes repeats likely, or one of the largest values of `u64`.
    pub(crate) fn seq(&mut self) -> u64 {
        match self.byte() {
            n @ 250.. => u64::MAX - u64::from(255 - n),
            n => n.into(),
        }
    }

    /// A duration in ms: zero, up to 4 seconds, up to 4 minutes, or up to 41 minutes.
    pub(crate) fn ms(&mut self) -> u64 {
        let n = self.u16();
        u64::from(n & 0x0FFF) * [0, 1, 60, 600][usize::from(n >> 14)]
    }

    /// An index into a collection of this length; 0 if it is empty.
    pub(crate) fn index(&mut self, len: usize) -> usize {
        usize::from(self.byte()) % len.max(1)
    }

    /// One of the given values.
    pub(crate) fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.index(of.len())]
    }

    /// A byte string with a one-byte length prefix.
    pub(crate) fn bytes(&mut self) -> &'a [u8] {
        let len = self.byte();
        self.take(len.into())
    }

    /// A byte string with a two-byte length prefix, for values that are longer than 255 bytes.
    pub(crate) fn long_bytes(&mut self) -> &'a [u8] {
        let len = self.u16();
        self.take(len.into())
    }

    /// The next bytes, as far as there are any.
    fn take(&mut self, len: usize) -> &'a [u8] {
        let (bytes, rest) = self.0.split_at(len.min(self.0.len()));
        self.0 = rest;
        bytes
    }

    /// [`bytes`](Self::bytes) as text; invalid UTF-8 is replaced.
    pub(crate) fn text(&mut self) -> String {
        String::from_utf8_lossy(self.bytes()).into_owned()
    }
}
