//! The visual skeletons of names: nicks and the names of PUBLIC rooms. Names that share one look the same.
//!
//! UTS 39 skeletons, after NFKC and case folding, without marks that are not seen.

use unicode_normalization::UnicodeNormalization as _;
use unicode_security::skeleton;

use crate::text_rules::{self, without_hidden_marks};

/// The skeletons of a name. There are two, because case hides some similarities and creates others: capital I looks like
/// l, and small i does not.
#[must_use]
pub fn skeletons(name: &str) -> [String; 2] {
    // As in UTS 39: a selector of the emoji form, which a name may contain, makes no difference.
    let plain: String = name.nfkc().filter(|&c| !text_rules::is_invisible(c)).collect();
    let lower = |text: &str| text.chars().flat_map(char::to_lowercase).map(medial_sigma).collect::<String>();
    let shown: String = skeleton(&without_hidden_marks(&plain)).collect();
    let folded: String = skeleton(&without_hidden_marks(&lower(&plain))).collect();
    [lower(&shown), lower(&folded)]
}

/// The small sigma at the end of a word as the one within a word: both are small forms of one letter.
fn medial_sigma(c: char) -> char {
    if c == 'ς' { 'σ' } else { c }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn look_alike(one: &str, other: &str) -> bool {
        let other = skeletons(other);
        skeletons(one).iter().any(|form| other.contains(form))
    }

    #[test]
    fn look_alikes_share_a_skeleton() {
        for (one, other) in
            [("paypal", "pаypаl"), ("Bill", "Bi1l"), ("tim", "ti\u{307}m"), ("ΝΙΚΟΣ", "νικος")]
        {
            assert!(look_alike(one, other), "{one} {other}");
        }
        for (one, other) in [("Bill", "Billy"), ("tim", "tím"), ("general", "generals")] {
            assert!(!look_alike(one, other), "{one} {other}");
        }
    }
}
