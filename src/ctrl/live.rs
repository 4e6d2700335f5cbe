//! Signals of any type for the price of one: a value, and a Leptos trigger that tells of its changes.
//!
//! Leptos compiles its whole signal anew for each type that one holds, some 3 KB each. Here the reactive part knows no
//! type, and what is left for each is to find the value and to borrow it; see ARCHITECTURE.md.

use std::{any::Any, cell::RefCell, fmt, marker::PhantomData, rc::Rc};

use leptos::prelude::*;

/// A signal that its owner holds: what made it may copy it anywhere, and it ends with the owner.
pub struct Live<T: 'static> {
    place: Place,
    of: PhantomData<fn(T) -> T>,
}

/// A signal that lasts as long as any clone of it.
pub struct RcLive<T: 'static> {
    value: Rc<RefCell<T>>,
    changed: ArcTrigger,
}

/// A signal to those who may only read it.
pub struct Read<T: 'static>(Live<T>);

type Place = StoredValue<Held, LocalStorage>;

#[derive(Clone)]
struct Held {
    value: Rc<dyn Any>,
    changed: ArcTrigger,
}

// Compiled once, whatever is held.
#[inline(never)]
fn place(held: Held) -> Place {
    StoredValue::new_local(held)
}

#[inline(never)]
fn held(place: Place) -> Option<Held> {
    place.try_get_value()
}

#[inline(never)]
fn track(changed: &ArcTrigger) {
    changed.track();
}

#[inline(never)]
fn notify(changed: &ArcTrigger) {
    changed.notify();
}

/// What was put into the context of the part of the page that is being made.
///
/// # Panics
/// When it was not, which is a mistake in the program. Leptos' own tells in which way, at the price of all that prints
/// for debugging.
#[must_use]
pub fn context<T: Clone + 'static>() -> T {
    // As Leptos has it.
    #[allow(clippy::expect_used)]
    use_context::<T>().expect("it is in the context")
}

impl<T: 'static> Live<T> {
    /// One of the owner that is current.
    #[must_use]
    pub fn new(value: T) -> Self {
        RcLive::new(value).into()
    }

    /// To those who may only read it.
    #[must_use]
    pub fn read_only(self) -> Read<T> {
        Read(self)
    }

    /// Reads it; whoever follows what this is called in follows it.
    ///
    /// # Panics
    /// When its owner is gone, which is a mistake in the program.
    pub fn with<R>(self, read: impl FnOnce(&T) -> R) -> R {
        if let Some(held) = held(self.place) {
            track(&held.changed);
        }
        self.with_untracked(read)
    }

    /// Reads it as it is now.
    ///
    /// # Panics
    /// When its owner is gone, which is a mistake in the program.
    pub fn with_untracked<R>(self, read: impl FnOnce(&T) -> R) -> R {
        // As Leptos has it with its own signals.
        #[allow(clippy::expect_used)]
        self.try_with(read).expect("a signal is read while its owner lives")
    }

    /// Reads it as it is now, if its owner is still there.
    pub fn try_with<R>(self, read: impl FnOnce(&T) -> R) -> Option<R> {
        let held = held(self.place)?;
        Some(read(&held.value.downcast_ref::<RefCell<T>>()?.borrow()))
    }

    /// Sets it, and tells. Nothing is done once its owner is gone.
    pub fn set(self, value: T) {
        self.maybe_update(|it| {
            *it = value;
            true
        });
    }

    /// Changes it, and tells. Nothing is done once its owner is gone.
    pub fn update(self, change: impl FnOnce(&mut T)) {
        self.maybe_update(|it| {
            change(it);
            true
        });
    }

    /// Changes it, and tells if that says so. Nothing is done once its owner is gone.
    pub fn maybe_update(self, change: impl FnOnce(&mut T) -> bool) {
        if self.update_untracked(change) == Some(true)
            && let Some(held) = held(self.place)
        {
            notify(&held.changed);
        }
    }

    /// Sets what nobody follows.
    pub fn set_untracked(self, value: T) {
        self.update_untracked(|it| *it = value);
    }

    /// Changes what nobody follows; `None` once its owner is gone.
    pub fn update_untracked<R>(self, change: impl FnOnce(&mut T) -> R) -> Option<R> {
        let held = held(self.place)?;
        Some(change(&mut held.value.downcast_ref::<RefCell<T>>()?.borrow_mut()))
    }
}

impl<T: Clone + 'static> Live<T> {
    /// [`Self::with`], of a clone.
    ///
    /// # Panics
    /// As there.
    #[must_use]
    pub fn get(self) -> T {
        self.with(T::clone)
    }

    /// [`Self::with_untracked`], of a clone.
    ///
    /// # Panics
    /// As there.
    #[must_use]
    pub fn get_untracked(self) -> T {
        self.with_untracked(T::clone)
    }
}

impl<T: 'static> Read<T> {
    /// [`Live::with`].
    ///
    /// # Panics
    /// As there.
    pub fn with<R>(self, read: impl FnOnce(&T) -> R) -> R {
        self.0.with(read)
    }
}

impl<T: Clone + 'static> Read<T> {
    /// [`Live::get`].
    ///
    /// # Panics
    /// As there.
    #[must_use]
    pub fn get(self) -> T {
        self.0.get()
    }

    /// [`Live::get_untracked`].
    ///
    /// # Panics
    /// As there.
    #[must_use]
    pub fn get_untracked(self) -> T {
        self.0.get_untracked()
    }
}

impl<T: 'static> RcLive<T> {
    /// One that nobody owns.
    #[must_use]
    pub fn new(value: T) -> Self {
        Self { value: Rc::new(RefCell::new(value)), changed: ArcTrigger::new() }
    }

    /// Reads it; whoever follows what this is called in follows it.
    pub fn with<R>(&self, read: impl FnOnce(&T) -> R) -> R {
        track(&self.changed);
        self.with_untracked(read)
    }

    /// Reads it as it is now.
    pub fn with_untracked<R>(&self, read: impl FnOnce(&T) -> R) -> R {
        read(&self.value.borrow())
    }

    /// Sets it, and tells.
    pub fn set(&self, value: T) {
        *self.value.borrow_mut() = value;
        notify(&self.changed);
    }
}

impl<T: 'static> From<RcLive<T>> for Live<T> {
    fn from(RcLive { value, changed }: RcLive<T>) -> Self {
        Self { place: place(Held { value, changed }), of: PhantomData }
    }
}

impl<T: 'static> Clone for Live<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T: 'static> Copy for Live<T> {}

impl<T: 'static> Clone for Read<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T: 'static> Copy for Read<T> {}

impl<T: 'static> Clone for RcLive<T> {
    fn clone(&self) -> Self {
        Self { value: self.value.clone(), changed: self.changed.clone() }
    }
}

impl<T: 'static> fmt::Debug for Live<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Live")
    }
}

impl<T: 'static> fmt::Debug for Read<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Read")
    }
}

impl<T: 'static> fmt::Debug for RcLive<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RcLive")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_that_is_gone_is_left_alone() {
        let owner = Owner::new();
        let (n, text) = owner.with(|| (Live::new(1), Live::new(String::from("a"))));
        n.update(|n| *n += 1);
        text.set("b".into());
        assert_eq!((n.get_untracked(), text.get_untracked()), (2, "b".into()));
        assert_eq!(n.update_untracked(|n| *n), Some(2));
        owner.cleanup();
        n.set(5);
        assert_eq!((n.try_with(|n| *n), n.update_untracked(|n| *n)), (None, None));
    }

    #[test]
    fn what_nobody_owns_lasts_and_is_the_same_for_all() {
        let owner = Owner::new();
        let kept = RcLive::new(1);
        let live: Live<i32> = owner.with(|| kept.clone().into());
        kept.set(2);
        assert_eq!(live.get_untracked(), 2);
        owner.cleanup();
        kept.set(3);
        assert_eq!(kept.with_untracked(|n| *n), 3);
    }

    #[test]
    fn who_follows_is_told_of_what_is_set_and_of_nothing_else() {
        let owner = Owner::new();
        let (live, told) = owner.with(|| {
            let live = Live::new(1);
            (live, Memo::new(move |before| (before.map_or(0, |(n, _)| *n) + 1, live.get())))
        });
        let times = || told.get_untracked().0;
        assert_eq!(times(), 1);
        live.set_untracked(2);
        live.maybe_update(|_| false);
        assert_eq!(times(), 1);
        live.set(3);
        assert_eq!(told.get_untracked(), (2, 3));
    }
}
