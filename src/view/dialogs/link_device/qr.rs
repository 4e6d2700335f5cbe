//! A QR code as the path of an SVG image.

use std::fmt::Write as _;

use qrcodegen::{QrCode, QrCodeEcc};

/// The width of the light border, in modules; readers need it.
const BORDER: i32 = 4;

/// The drawing of a QR code, in units of a module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QrImage {
    /// Width and height, with the border.
    pub size: i32,
    /// The dark modules.
    pub path: String,
}

/// The QR code of a text; `None` if it is too long for one.
pub fn qr_image(text: &str) -> Option<QrImage> {
    let code = QrCode::encode_text(text, QrCodeEcc::Medium).ok()?;
    let mut path = String::new();
    for y in 0..code.size() {
        let mut x = 0;
        while x < code.size() {
            let start = x;
            while x < code.size() && code.get_module(x, y) {
                x += 1;
            }
            if x > start {
                let width = x - start;
                // Writing to a string does not fail.
                let _ = write!(path, "M{} {}h{width}v1h-{width}z", start + BORDER, y + BORDER);
            }
            x += 1;
        }
    }
    Some(QrImage { size: code.size() + 2 * BORDER, path })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The dark modules of a path.
    fn drawn(path: &str) -> Vec<(i32, i32)> {
        let rows = path.split('M').filter(|row| !row.is_empty());
        rows.flat_map(|row| {
            let (x, rest) = row.split_once(' ').unwrap();
            let (y, rest) = rest.split_once('h').unwrap();
            let width: i32 = rest.split_once('v').unwrap().0.parse().unwrap();
            let (x, y): (i32, i32) = (x.parse().unwrap(), y.parse().unwrap());
            (x..x + width).map(move |x| (x, y)).collect::<Vec<_>>()
        })
        .collect()
    }

    #[test]
    fn the_path_draws_the_dark_modules_inside_the_border() {
        let text = "https://chat.example.org/#/link/0123456789abcdefghjkmnpqrs";
        let (image, code) = (qr_image(text).unwrap(), QrCode::encode_text(text, QrCodeEcc::Medium).unwrap());
        let drawn = drawn(&image.path);
        let dark = (0..code.size()).flat_map(|y| (0..code.size()).map(move |x| (x, y)));
        let dark: Vec<_> =
            dark.filter(|(x, y)| code.get_module(*x, *y)).map(|(x, y)| (x + 4, y + 4)).collect();
        assert_eq!(drawn, dark);
        assert_eq!(image.size, code.size() + 8);
        // The corner of a finder pattern.
        assert!(drawn.contains(&(4, 4)) && !drawn.contains(&(5, 5)));
    }

    #[test]
    fn a_text_that_is_too_long_has_no_code() {
        assert_eq!(qr_image(&"x".repeat(5_000)), None);
    }
}
