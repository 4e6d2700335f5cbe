//! The scroll position of the timeline: the handle through which components and other views read and change it.

use leptos::{html::Div, prelude::*};
use wasm_bindgen::{JsCast, closure::Closure};
use web_sys::{Element, HtmlElement, ResizeObserver};

use super::{gap_loader::GapLoader, renderer::Renderer, row_window::RowWindow, viewport::Viewport};
use crate::{config::local_day, ctrl::Store, view::shared::focus_in_place};

/// The elements that the timeline's component creates and its renderer works on.
#[derive(Clone, Copy)]
pub struct Elements {
    /// The scrolling element.
    pub viewport: NodeRef<Div>,
    /// Contains everything that is scrolled.
    pub content: NodeRef<Div>,
    /// Contains the rows.
    pub list: NodeRef<Div>,
}

/// Handle of the timeline's scroll position, to be provided as a context around [`super::Timeline`]. The methods do
/// nothing while no timeline is mounted.
#[derive(Clone, Copy)]
pub struct Scroller {
    store: Store,
    /// Something covers the timeline, so that its messages are not seen.
    covered: Signal<bool>,
    elements: Elements,
    /// `None` while no timeline is mounted.
    renderer: StoredValue<Option<Renderer>, LocalStorage>,
    at_end: RwSignal<bool>,
    /// The number of messages of others that had been received when the viewport left the end.
    received_before: RwSignal<u32>,
    /// Unix time in ms of the first message in the viewport; `None` in a gap and at the top of the timeline.
    top_time: RwSignal<Option<i64>>,
    /// The ord of the first message in the viewport; `None` in a gap.
    top_ord: RwSignal<Option<u64>>,
    /// The line above new messages that was in the viewport last.
    seen_line: RwSignal<Option<u64>>,
}

impl Scroller {
    /// A scroll position at the end. While `covered`, no messages are reported as seen.
    pub fn new(store: Store, covered: Signal<bool>) -> Self {
        Self {
            store,
            covered,
            elements: Elements { viewport: NodeRef::new(), content: NodeRef::new(), list: NodeRef::new() },
            renderer: StoredValue::new_local(None),
            at_end: RwSignal::new(true),
            received_before: RwSignal::new(0),
            top_time: RwSignal::new(None),
            top_ord: RwSignal::new(None),
            seen_line: RwSignal::new(None),
        }
    }

    /// Scrolls to the end.
    pub fn to_end(self) {
        self.with_renderer(Renderer::scroll_to_end);
    }

    /// Scrolls to the first message of the timeline.
    pub(super) fn to_start(self) {
        self.with_renderer(Renderer::scroll_to_start);
    }

    /// Moves the keyboard focus to the timeline.
    pub(super) fn focus(self) {
        if let Some(viewport) = self.elements.viewport.get_untracked() {
            // If focusing fails, the page can still be used with a pointer.
            let _ = viewport.focus();
        }
    }

    /// The element of a message, if it is in the document.
    pub(super) fn element_of(self, ord: u64) -> Option<HtmlElement> {
        self.renderer.try_with_value(|renderer| renderer.as_ref()?.element_of(ord)).flatten()
    }

    /// Moves the keyboard focus to a message, or to the timeline if it is not in the document. Does not scroll.
    pub(super) fn focus_message(self, ord: Option<u64>) {
        match ord.and_then(|ord| self.element_of(ord)) {
            Some(item) => focus_in_place(&item),
            None => self.focus(),
        }
    }

    pub(super) fn is_covered(self) -> bool {
        self.covered.get_untracked()
    }

    pub(super) fn store(self) -> Store {
        self.store
    }

    /// The ord of the message of a row, if the server has stored it.
    pub(super) fn stored_message(self, item: &Element) -> Option<u64> {
        self.renderer.try_with_value(|renderer| renderer.as_ref()?.stored_message(item)).flatten()
    }

    /// Expands or collapses a message that is taller than a screenful.
    pub(super) fn set_expanded(self, key: u32, expanded: bool) {
        self.with_renderer(|renderer| renderer.set_expanded(key, expanded));
    }

    /// Returns `true` if the viewport is at the end. Reactive.
    pub(super) fn at_end(self) -> bool {
        self.at_end.get()
    }

    /// The number of messages of others that have been received since the viewport left the end. Reactive.
    pub(super) fn unseen(self) -> u32 {
        if self.at_end.get() {
            0
        } else {
            self.store.received.get().saturating_sub(self.received_before.get())
        }
    }

    /// A Unix time in ms of the day that is at the top of the viewport; `None` at the end, where the day is obvious,
    /// and in a gap. Reactive.
    pub(super) fn day(self) -> Option<i64> {
        if self.at_end.get() { None } else { self.top_time.get() }
    }

    /// The ord of the first unread message, if the line above it is above the viewport and was not in it yet. Reactive.
    pub(super) fn unread_above(self) -> Option<u64> {
        let line = self.store.unread_line().filter(|line| self.seen_line.get() != Some(*line))?;
        (self.top_ord.get()? > line + 1).then_some(line + 1)
    }

    /// Sets the ord of the first message in the viewport.
    pub(super) fn set_top_ord(self, ord: Option<u64>) {
        self.top_ord.maybe_update(|shown| std::mem::replace(shown, ord) != ord);
        let line = untrack(|| self.store.unread_line());
        if let Some((line, ord)) = line.zip(ord)
            && ord <= line + 1
        {
            self.seen_line.maybe_update(|seen| seen.replace(line) != Some(line));
        }
    }

    /// The elements, to be filled by the component.
    pub(super) fn elements(self) -> Elements {
        self.elements
    }

    /// Handles a scroll event.
    pub(super) fn handle_scroll(self) {
        self.with_renderer(Renderer::handle_scroll);
    }

    /// Starts rendering once the elements are in the document, and until the current owner is disposed of: renders when
    /// rows change, and scrolls to seek targets. Called by the component.
    pub(super) fn start(self) {
        let (store, Elements { viewport, content, list }) = (self.store, self.elements);
        let owner = Owner::current().unwrap_or_default();
        let gaps = GapLoader::new(store);
        Effect::new(move || {
            // Each room has a renderer of its own.
            store.open_room.track();
            if let Some(former) = self.renderer.try_update_value(Option::take).flatten() {
                former.close();
            }
            if let (Some(element), Some(content), Some(list)) = (viewport.get(), content.get(), list.get()) {
                let viewport = Viewport::new(element.into(), content.into());
                let observer = untrack(|| self.observe(&viewport));
                let rows = RowWindow::new(list.into(), owner.clone(), observer);
                gaps.reset();
                self.enter_end();
                self.seen_line.set(None);
                self.renderer.set_value(Some(Renderer::new(self, store, viewport, rows, gaps)));
                untrack(|| self.with_renderer(Renderer::restore_position));
            }
        });
        Effect::watch(
            move || store.tab_data.track(),
            move |_, _, _| self.with_renderer(Renderer::restore_position),
            false,
        );
        Effect::watch(
            move || store.focused.get() && !self.covered.get(),
            move |visible, _, _| {
                if *visible {
                    self.with_renderer(|renderer| renderer.report_visible(true));
                }
            },
            false,
        );
        Effect::watch(
            move || store.timeline_version.get(),
            move |_, _, _| self.with_renderer(Renderer::handle_change),
            false,
        );
        Effect::watch(
            // The lines above the rows.
            move || (store.from_start.get(), store.rows_lost.get(), store.has_messages.get()),
            // Once they are in the DOM, and before the reader can scroll: a scroll position that is read while the rows are
            // displaced would make that their new position.
            move |_, _, _| queue_microtask(move || self.with_renderer(Renderer::handle_resize)),
            false,
        );
        Effect::watch(
            move || store.connection.track(),
            move |_, _, _| self.with_renderer(|renderer| renderer.load_gaps()),
            false,
        );
        Effect::watch(
            move || store.finished_pages.track(),
            move |_, _, _| gaps.handle_finished(move || self.with_renderer(|renderer| renderer.load_gaps())),
            false,
        );
        Effect::watch(
            move || store.seek_result.get().and_then(|target| target.ord),
            move |ord, _, _| {
                if let Some(ord) = *ord {
                    self.with_renderer(|renderer| renderer.scroll_to_message(ord));
                }
            },
            true,
        );
        on_cleanup(move || {
            if let Some(renderer) = self.renderer.try_update_value(Option::take).flatten() {
                renderer.close();
            }
        });
    }

    /// Calls a method of the renderer, if a timeline is mounted.
    pub(super) fn with_renderer(self, call: impl FnOnce(&mut Renderer)) {
        self.renderer.try_update_value(|renderer| renderer.as_mut().map(call));
    }

    /// Calls [`Renderer::handle_frame`] when the browser's next animation frame begins.
    pub(super) fn request_frame(self) {
        request_animation_frame(move || self.with_renderer(Renderer::handle_frame));
    }

    pub(super) fn is_at_end(self) -> bool {
        self.at_end.get_untracked()
    }

    pub(super) fn enter_end(self) {
        if !self.is_at_end() {
            self.at_end.set(true);
        }
    }

    pub(super) fn leave_end(self) {
        if self.is_at_end() {
            self.received_before.set(self.store.received.get_untracked());
            self.at_end.set(false);
        }
    }

    /// Sets the time of the first message in the viewport; notifies only when it is of another day.
    pub(super) fn set_top_time(self, time: Option<i64>) {
        let day = |time: Option<i64>| time.map(local_day);
        self.top_time.maybe_update(|shown| day(std::mem::replace(shown, time)) != day(time));
    }

    /// Observes the viewport and its content; returns the observer for the rows to be added. leptos-use's
    /// `use_resize_observer` can't add and remove single elements, and there is a new set of rows with each render.
    fn observe(self, viewport: &Viewport) -> Option<ResizeObserver> {
        let callback = Closure::<dyn Fn()>::new(move || self.with_renderer(Renderer::handle_resize));
        // In a browser without it rows are still rendered when they change and when the reader scrolls.
        let observer = ResizeObserver::new(callback.as_ref().unchecked_ref()).ok()?;
        observer.observe(viewport.element());
        observer.observe(viewport.content());
        let observed = StoredValue::new_local((observer.clone(), callback));
        on_cleanup(move || {
            observed.try_with_value(|(observer, _)| observer.disconnect());
        });
        Some(observer)
    }
}
