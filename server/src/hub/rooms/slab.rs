//! A table whose entries have small numbers, which are reused.

/// Entries by number.
#[derive(Debug)]
pub struct Slab<T> {
    entries: Vec<Option<T>>,
    free: Vec<u32>,
}

impl<T> Default for Slab<T> {
    fn default() -> Self {
        Self { entries: Vec::new(), free: Vec::new() }
    }
}

impl<T> Slab<T> {
    /// Adds an entry. Returns its number.
    pub fn insert(&mut self, entry: T) -> u32 {
        if let Some(number) = self.free.pop() {
            self.entries[number as usize] = Some(entry);
            return number;
        }
        self.entries.push(Some(entry));
        // Each entry takes more than one byte of memory, and so do 2^32 of them.
        u32::try_from(self.entries.len() - 1).unwrap_or(u32::MAX)
    }

    /// Removes an entry.
    pub fn remove(&mut self, number: u32) -> Option<T> {
        let entry = self.entries.get_mut(number as usize)?.take()?;
        self.free.push(number);
        // The memory of a crowd is returned when it has left.
        if self.free.len() == self.entries.len() {
            *self = Self::default();
        }
        Some(entry)
    }

    /// The entry with this number.
    #[must_use]
    pub fn get(&self, number: u32) -> Option<&T> {
        self.entries.get(number as usize)?.as_ref()
    }

    /// The entry with this number, to be changed.
    pub fn get_mut(&mut self, number: u32) -> Option<&mut T> {
        self.entries.get_mut(number as usize)?.as_mut()
    }

    /// The number of entries.
    #[must_use]
    pub fn count(&self) -> usize {
        self.entries.len() - self.free.len()
    }

    /// The number of entries that there is memory for.
    #[cfg(test)]
    pub fn capacity(&self) -> usize {
        self.entries.capacity()
    }

    /// The entries with their numbers.
    pub fn iter(&self) -> impl Iterator<Item = (u32, &T)> {
        (0..).zip(&self.entries).filter_map(|(number, entry)| Some((number, entry.as_ref()?)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_reused() {
        let mut slab = Slab::default();
        assert_eq!(['a', 'b', 'c'].map(|entry| slab.insert(entry)), [0, 1, 2]);
        assert_eq!((slab.remove(1), slab.remove(1), slab.get(1)), (Some('b'), None, None));
        assert_eq!((slab.insert('d'), slab.count()), (1, 3));
        assert_eq!(slab.iter().map(|(_, entry)| *entry).collect::<String>(), "adc");
        (0..3).for_each(|number| {
            slab.remove(number);
        });
        assert_eq!((slab.count(), slab.entries.capacity()), (0, 0));
    }
}
