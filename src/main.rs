//! The entry point of the bundle; the code is in the library.

fn main() {
    parlour::start();
}
