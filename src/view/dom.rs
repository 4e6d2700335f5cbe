//! Elements, and what keeps them in step with signals: all that a view is made of.
//!
//! [`el`] makes an element at once, and the methods of [`El`] furnish it: [`attr`](El::attr), [`text`](El::text)
//! and [`child`](El::child) with what stays, [`attr_fn`](El::attr_fn), [`text_fn`](El::text_fn),
//! [`switch`](El::switch) and [`each`](El::each) with what follows signals. These run in Leptos' render effects
//! under Leptos' owners, so whatever a part of the page has begun ends with it.
//!
//! Leptos' own renderer compiles each closure, attribute and element of a view as types of their own. Here every
//! kind of closure is boxed and compiled once, which makes the views a third of the size; see ARCHITECTURE.md.

use std::{borrow::Cow, mem, rc::Rc};

use leptos::prelude::*;
use wasm_bindgen::{JsCast, closure::Closure};
use web_sys::{Element, Event, EventTarget, HtmlElement, HtmlInputElement, Node};

/// An element of the page. A clone is the same element.
#[derive(Clone, Debug)]
pub struct El(Element);

/// Makes an element of a tag, an id and classes: `el("button#exit.button.quiet")`.
pub fn el(spec: &str) -> El {
    make("http://www.w3.org/1999/xhtml", spec)
}

/// The same for a part of a drawing.
pub fn svg(spec: &str) -> El {
    make("http://www.w3.org/2000/svg", spec)
}

fn make(namespace: &str, spec: &str) -> El {
    let (spec, classes) = spec.split_once('.').unwrap_or((spec, ""));
    let (tag, id) = spec.split_once('#').unwrap_or((spec, ""));
    let Ok(element) = document().create_element_ns(Some(namespace), tag) else {
        unreachable!("each tag is written in a view, and none is one that a document refuses")
    };
    let el = El(element);
    for (name, value) in [("id", id), ("class", &classes.replace('.', " "))] {
        if !value.is_empty() {
            el.set(name, Some(value));
        }
    }
    el
}

/// Where a value goes that follows signals.
enum Place {
    Attribute(&'static str),
    Class(&'static str),
    Text,
    /// The property that holds what was typed.
    Value,
}

/// What an attribute is set to; `None` takes it away.
type Value = Option<Cow<'static, str>>;

/// What an attribute can be given.
pub trait IntoValue {
    fn into_value(self) -> Value;
}

impl IntoValue for &'static str {
    fn into_value(self) -> Value {
        Some(Cow::Borrowed(self))
    }
}

impl IntoValue for String {
    fn into_value(self) -> Value {
        Some(Cow::Owned(self))
    }
}

impl<V: IntoValue> IntoValue for Option<V> {
    fn into_value(self) -> Value {
        self.and_then(V::into_value)
    }
}

/// There, and empty, or not there.
impl IntoValue for bool {
    fn into_value(self) -> Value {
        self.then_some(Cow::Borrowed(""))
    }
}

impl From<Element> for El {
    fn from(element: Element) -> Self {
        Self(element)
    }
}

/// What stays as it is.
impl El {
    /// Gives it an attribute.
    pub fn attr(self, name: &str, value: &str) -> Self {
        self.set(name, Some(value));
        self
    }

    /// Adds a class, if it is to have it.
    pub fn class(self, name: &str, has: bool) -> Self {
        self.set_class(name, has);
        self
    }

    /// Appends words.
    pub fn text(self, text: &str) -> Self {
        let _ = self.0.append_with_str_1(text);
        self
    }

    /// Appends an element.
    pub fn child(self, child: El) -> Self {
        self.append(&child.0);
        self
    }

    /// Calls `handler` for an event, for as long as the owner lasts.
    pub fn on<E: JsCast>(self, event: &'static str, handler: impl Fn(E) + 'static) -> Self {
        listen(&self.0, event, handler);
        self
    }
}

/// What follows signals.
impl El {
    /// An attribute.
    pub fn attr_fn<V: IntoValue>(self, name: &'static str, value: impl Fn() -> V + 'static) -> Self {
        self.bind(Place::Attribute(name), Box::new(move || value().into_value()))
    }

    /// A class.
    pub fn class_fn(self, name: &'static str, has: impl Fn() -> bool + 'static) -> Self {
        self.bind(Place::Class(name), Box::new(move || has().into_value()))
    }

    /// Words, after what it already has.
    pub fn text_fn<V: IntoValue>(self, text: impl Fn() -> V + 'static) -> Self {
        self.bind(Place::Text, Box::new(move || text().into_value()))
    }

    /// What is typed into it.
    pub fn value_fn(self, value: impl Fn() -> String + 'static) -> Self {
        self.bind(Place::Value, Box::new(move || value().into_value()))
    }

    fn bind(self, place: Place, value: Box<dyn Fn() -> Value>) -> Self {
        let target = match place {
            Place::Text => El(document().create_text_node("").unchecked_into()),
            _ => self.clone(),
        };
        if matches!(place, Place::Text) {
            self.append(&target.0);
        }
        let mut shown = None;
        follow(move || {
            let value = value();
            let text = value.as_deref();
            // What is as it was is left alone: a screen reader reads again what is written again.
            match place {
                Place::Value => target.set_value(text.unwrap_or_default()),
                _ if value == shown => {}
                Place::Attribute(name) => target.set(name, text),
                Place::Class(name) => target.set_class(name, text.is_some()),
                Place::Text => target.0.set_text_content(text),
            }
            shown = value;
        });
        self
    }

    /// All that is in it: `fill` is given it empty.
    pub fn fill(self, fill: impl Fn(El) -> El + 'static) -> Self {
        let el = self.clone();
        let fill: Box<dyn Fn(El) -> El> = Box::new(fill);
        follow_boxed(Box::new(move || {
            el.0.set_text_content(None);
            fill(el.clone());
        }));
        self
    }

    /// A child for as long as `wanted`.
    pub fn when(self, wanted: impl Fn() -> bool + 'static, build: impl Fn() -> El + 'static) -> Self {
        self.switch(move || wanted().then_some(()), move |()| build())
    }

    /// A child for what `which` says, or none. It is made anew only when that changes.
    pub fn switch<K: PartialEq + Clone + 'static>(
        self,
        which: impl Fn() -> Option<K> + 'static,
        build: impl Fn(K) -> El + 'static,
    ) -> Self {
        let mut shown = None;
        let build = Rc::new(build);
        self.turn(Box::new(move || {
            let wanted = which();
            if wanted == shown {
                return Turn::Stay;
            }
            shown.clone_from(&wanted);
            let Some(wanted) = wanted else { return Turn::Nothing };
            let build = build.clone();
            Turn::Build(Box::new(move || build(wanted)))
        }))
    }

    /// A child that is what `next` says, compiled once.
    fn turn(self, mut next: Box<dyn FnMut() -> Turn>) -> Self {
        let (place, owner) = self.place();
        let mut shown: Option<Part> = None;
        follow_boxed(Box::new(move || {
            let build = match next() {
                Turn::Stay => return,
                Turn::Nothing => None,
                Turn::Build(build) => Some(build),
            };
            if let Some(part) = shown.take() {
                part.remove();
            }
            shown = build.map(|build| Part::new(&owner, &place, build));
        }));
        self
    }

    /// A child for each item, in their order. Children are kept, and moved, by their items' keys.
    pub fn each<T: 'static, K: PartialEq + 'static>(
        self,
        items: impl Fn() -> Vec<T> + 'static,
        key: fn(&T) -> K,
        build: fn(T) -> El,
    ) -> Self {
        let (place, owner) = self.place();
        let mut shown: Vec<(K, Part)> = Vec::new();
        follow(move || {
            // Most lists grow at the end and lose at the beginning: what is wanted next is nearly always next.
            let mut old = mem::take(&mut shown).into_iter();
            let mut skipped: Vec<(K, Part)> = Vec::new();
            for item in items() {
                let key = key(&item);
                let before = |old: &std::vec::IntoIter<(K, Part)>| {
                    old.as_slice().first().map_or_else(|| place.clone(), |(_, part)| part.el.clone())
                };
                let part = if let Some(ahead) = old.as_slice().iter().position(|(old, _)| *old == key) {
                    skipped.extend(old.by_ref().take(ahead));
                    old.next()
                } else if let Some(at) = skipped.iter().position(|(old, _)| *old == key) {
                    let found = skipped.remove(at);
                    before(&old).insert_before(&found.1.el);
                    Some(found)
                } else {
                    None
                };
                shown.push(part.unwrap_or_else(|| {
                    (key, Part::new(&owner, &before(&old), Box::new(move || build(item))))
                }));
            }
            for (_, part) in skipped.into_iter().chain(old) {
                part.remove();
            }
        });
        self
    }

    /// The place after what it already has, and the owner of what will be there.
    fn place(&self) -> (El, Owner) {
        let place = document().create_text_node("");
        self.append(&place);
        (El(place.unchecked_into()), Owner::current().unwrap_or_default())
    }
}

/// What is done to it later.
impl El {
    /// The element itself.
    pub fn element(&self) -> &Element {
        &self.0
    }

    /// Sets an attribute, or takes it away.
    pub fn set(&self, name: &str, value: Option<&str>) {
        // No name in the views is one that an element refuses.
        let _ = match value {
            Some(value) => self.0.set_attribute(name, value),
            None => self.0.remove_attribute(name),
        };
    }

    /// Gives it a class, or takes it away.
    pub fn set_class(&self, name: &str, has: bool) {
        let _ = self.0.class_list().toggle_with_force(name, has);
    }

    /// Sets a property of its style.
    pub fn style(&self, name: &str, value: &str) {
        // As with `set`.
        let _ = self.0.unchecked_ref::<HtmlElement>().style().set_property(name, value);
    }

    /// Puts words in the place of all that is in it.
    pub fn set_text(&self, text: &str) {
        self.0.set_text_content(Some(text));
    }

    /// What is typed into it.
    pub fn value(&self) -> String {
        self.field().value()
    }

    /// Types into it; the cursor stays where it is when nothing changes.
    pub fn set_value(&self, value: &str) {
        if self.value() != value {
            self.field().set_value(value);
        }
    }

    /// Selects what is typed into it.
    pub fn select(&self) {
        self.field().select();
    }

    /// Gives it the focus. One that can't have it keeps the page usable all the same.
    pub fn focus(&self) {
        let _ = self.field().focus();
    }

    /// As a field: a text area and a menu have the same properties by the same names.
    fn field(&self) -> &HtmlInputElement {
        self.0.unchecked_ref()
    }

    fn append(&self, node: &Node) {
        let _ = self.0.append_with_node_1(node);
    }

    /// Puts another one in front of it.
    pub fn insert_before(&self, el: &El) {
        let _ = self.0.before_with_node_1(&el.0);
    }
}

/// A length in CSS pixels, to the hundredth. As a whole number and a part: to write a fraction as such takes 12 KB of code
/// that nothing else needs.
pub fn pixels(length: f64) -> String {
    // No page has so many pixels that hundredths of them do not fit.
    #[allow(clippy::cast_possible_truncation)]
    let parts = (length * 100.0).round() as i64;
    let sign = if parts < 0 { "-" } else { "" };
    let parts = parts.unsigned_abs();
    format!("{sign}{}.{:02}px", parts / 100, parts % 100)
}

/// What a child that follows signals becomes.
enum Turn {
    Stay,
    Nothing,
    Build(Box<dyn FnOnce() -> El>),
}

/// A child that comes and goes, and the owner of all that goes with it.
pub(super) struct Part {
    el: El,
    owner: Owner,
}

impl Part {
    /// Its element.
    pub fn el(&self) -> &El {
        &self.el
    }

    /// Builds it, in front of `place`.
    pub fn new(parent: &Owner, place: &El, build: Box<dyn FnOnce() -> El>) -> Self {
        let owner = parent.child();
        let el = owner.with(|| untrack(build));
        place.insert_before(&el);
        Self { el, owner }
    }

    /// Takes it out, with all that goes with it.
    pub fn remove(&self) {
        // Before it is gone: who has the focus in it may hand that on.
        self.owner.cleanup();
        self.el.0.remove();
    }
}

/// Runs `run` now, and again when a signal that it read has changed, for as long as the owner lasts.
pub fn follow(run: impl FnMut() + 'static) {
    follow_boxed(Box::new(run));
}

fn follow_boxed(mut run: Box<dyn FnMut()>) {
    let effect = RenderEffect::new(move |_| run());
    on_cleanup(move || drop(effect));
}

/// A function of ours that the browser calls.
pub type Callback = Closure<dyn Fn(Event)>;

/// Calls `handler` for an event, for as long as the owner lasts.
pub fn listen<E: JsCast>(target: &EventTarget, event: &'static str, handler: impl Fn(E) + 'static) {
    listen_boxed(target, event, Box::new(move |event| handler(event.unchecked_into())));
}

fn listen_boxed(target: &EventTarget, event: &'static str, handler: Box<dyn Fn(Event)>) {
    let callback = Callback::wrap(handler);
    let _ = target.add_event_listener_with_callback(event, callback.as_ref().unchecked_ref());
    // Dropped with the owner.
    StoredValue::new_local(Listener { target: target.clone(), event, callback });
}

struct Listener {
    target: EventTarget,
    event: &'static str,
    callback: Callback,
}

impl Drop for Listener {
    fn drop(&mut self) {
        let callback = self.callback.as_ref().unchecked_ref();
        let _ = self.target.remove_event_listener_with_callback(self.event, callback);
    }
}
