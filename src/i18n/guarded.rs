//! Calls to the browser's `Intl`, none of which throws. Its constructors throw for a language tag that is not well-formed
//! and for a time zone that the browser does not know, and old browsers lack some of them.

use js_sys::{Array, Function, Object, Reflect};
use wasm_bindgen::{JsCast, JsValue};

/// Makes an object of a class of `Intl` for the first of the language tags that the browser accepts, or else for its own
/// language. `None` if the browser lacks the class or refuses the options.
pub fn construct(class: &str, tags: &[String], options: &Object) -> Option<JsValue> {
    let class: Function = get(&get(&js_sys::global(), "Intl")?, class)?.dyn_into().ok()?;
    let mut tags = tags.iter().map(|tag| JsValue::from_str(tag)).chain([JsValue::UNDEFINED]);
    tags.find_map(|tag| Reflect::construct(&class, &Array::of2(&tag, options)).ok())
}

/// Calls a method with one argument. `None` if there is no such method, or if it throws.
pub fn call(object: &JsValue, method: &str, argument: &JsValue) -> Option<JsValue> {
    let method: Function = get(object, method)?.dyn_into().ok()?;
    method.call1(object, argument).ok()
}

/// A property; `undefined` if the object does not have it, and `None` if `object` is not an object.
pub fn get(object: &JsValue, name: &str) -> Option<JsValue> {
    Reflect::get(object, &name.into()).ok()
}
