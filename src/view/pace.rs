//! When changes are drawn: what comes while it is calm, at once; a burst, once with each frame of the browser's; a flood that
//! sweeps away with each of them all that could be read, with every other one, so that the page has time for who types.

/// How far it is with drawing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pace {
    state: State,
    /// Nothing stayed of what was on the screen, when it was drawn last.
    swept: bool,
    /// It was drawn with a frame: more had come than was drawn at once.
    bursts: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    /// The next change is drawn at once.
    #[default]
    Calm,
    /// One was drawn; the browser has not begun its next frame since.
    Drawn,
    /// And another waits for that.
    Waits,
}

/// What is to be done with a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Draw, and ask for the frame after it.
    Draw,
    /// Ask for that.
    Rest,
    /// It is calm.
    Nothing,
}

impl Pace {
    /// Something has changed. Whether to draw it now, and ask for a frame.
    pub fn changes(&mut self) -> bool {
        let calm = self.state == State::Calm;
        self.bursts &= !calm;
        self.state = if calm { State::Drawn } else { State::Waits };
        calm
    }

    /// What is being drawn leaves nothing of what was on the screen.
    pub fn sweeps(&mut self) {
        self.swept = true;
    }

    /// What is being drawn is part of a burst.
    pub fn bursts(self) -> bool {
        self.bursts
    }

    /// The browser begins a frame that was asked for.
    pub fn frame_begins(&mut self) -> Next {
        let swept = std::mem::take(&mut self.swept);
        match self.state {
            State::Waits if swept => Next::Rest,
            State::Waits => {
                (self.state, self.bursts) = (State::Drawn, true);
                Next::Draw
            }
            State::Drawn | State::Calm => {
                self.state = State::Calm;
                Next::Nothing
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_while_it_is_calm_is_drawn_at_once_and_a_burst_with_each_frame() {
        let mut pace = Pace::default();
        assert!(pace.changes(), "it was calm");
        assert_eq!(pace.frame_begins(), Next::Nothing);
        assert!(pace.changes(), "it is again");
        for _ in 0..3 {
            assert!(!pace.changes() && !pace.changes(), "they wait for the frame");
            assert_eq!(pace.frame_begins(), Next::Draw);
        }
        assert_eq!(pace.frame_begins(), Next::Nothing, "nothing has come since");
    }

    #[test]
    fn a_flood_is_drawn_with_every_other_frame() {
        let mut pace = Pace::default();
        pace.changes();
        pace.sweeps();
        for _ in 0..3 {
            pace.changes();
            assert_eq!(pace.frame_begins(), Next::Rest);
            pace.changes();
            assert_eq!(pace.frame_begins(), Next::Draw);
            assert!(pace.bursts());
            pace.sweeps();
        }
        // The last of it is drawn as well, with nothing more to come.
        pace.changes();
        assert_eq!(pace.frame_begins(), Next::Rest);
        assert_eq!(pace.frame_begins(), Next::Draw);
        assert_eq!(pace.frame_begins(), Next::Nothing);
        assert!(pace.changes() && !pace.bursts());
    }
}
