//! Finds out whether this system has a picture for an emoji, by drawing it.

use js_sys::{Array, Function, Reflect};
use leptos::prelude::document;
use wasm_bindgen::{JsCast, JsValue};

use super::table::Emoji;

/// The size of the drawing, in pixels.
const SIZE: u32 = 24;

/// A canvas to draw emoji on. Its functions are called by name, so that the script of the page gets no binding for each.
pub struct Canvas {
    context: JsValue,
    /// The width of a picture.
    width: f64,
}

impl Canvas {
    /// Makes a canvas; `None` if the browser refuses that.
    pub fn new() -> Option<Self> {
        let canvas: JsValue = document().create_element("canvas").ok()?.into();
        for side in ["width", "height"] {
            Reflect::set(&canvas, &side.into(), &SIZE.into()).ok()?;
        }
        let options = js_sys::Object::new();
        Reflect::set(&options, &"willReadFrequently".into(), &true.into()).ok()?;
        let context = call(&canvas, "getContext", &["2d".into(), options.into()])?;
        for (name, value) in [("font", "16px sans-serif"), ("textBaseline", "top"), ("fillStyle", "#f00")] {
            Reflect::set(&context, &name.into(), &value.into()).ok()?;
        }
        let mut canvas = Self { context, width: 0.0 };
        canvas.width = canvas.width_of("😀")?;
        Some(canvas)
    }

    /// Returns `true` if the system has an emoji, and if that is not known.
    pub fn supports(&self, emoji: &Emoji) -> bool {
        *emoji.is_supported.get_or_init(|| !emoji.is_new || self.draws(emoji.text).unwrap_or(true))
    }

    /// The sign for a missing character has the colour of the text, and the parts of a missing sequence are beside each other.
    fn draws(&self, text: &str) -> Option<bool> {
        if self.width_of(text)? > self.width * 1.5 {
            return Some(false);
        }
        let all = [0, 0, SIZE, SIZE].map(JsValue::from);
        call(&self.context, "clearRect", &all)?;
        call(&self.context, "fillText", &[text.into(), 0.into(), 0.into()])?;
        let data = Reflect::get(&call(&self.context, "getImageData", &all)?, &"data".into()).ok()?;
        // Every third pixel of every third row is enough for pictures that are as wide as the canvas.
        let pixels =
            (0..SIZE).step_by(3).flat_map(|row| (0..SIZE).step_by(3).map(move |column| row * SIZE + column));
        let is_other =
            |byte: u32| Reflect::get(&data, &byte.into()).is_ok_and(|value| value.as_f64() > Some(0.0));
        Some(pixels.into_iter().any(|pixel| is_other(4 * pixel + 1) || is_other(4 * pixel + 2)))
    }

    fn width_of(&self, text: &str) -> Option<f64> {
        Reflect::get(&call(&self.context, "measureText", &[text.into()])?, &"width".into()).ok()?.as_f64()
    }
}

/// Calls a method; `None` if it does not exist or throws.
fn call(object: &JsValue, method: &str, arguments: &[JsValue]) -> Option<JsValue> {
    let method: Function = Reflect::get(object, &method.into()).ok()?.dyn_into().ok()?;
    method.apply(object, &arguments.iter().collect::<Array>()).ok()
}
