//! Decides when the timeline is rendered.
//!
//! A change that comes while nothing is pending is rendered at once. A burst is rendered once per animation frame. A flood,
//! in which every render replaces all the rows on the screen, is rendered with every other animation frame, which
//! leaves the main thread time for typing.

/// State machine that takes changes and animation frames and returns what to do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RenderScheduler {
    state: State,
    /// The last render replaced every row on the screen.
    replaced_all: bool,
    /// The last render was part of a burst: it showed a change that had waited for an animation frame.
    in_burst: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    /// The next change is rendered at once.
    #[default]
    Idle,
    /// A change was rendered, and the next animation frame has not begun.
    Rendered,
    /// Another change waits for that animation frame.
    Pending,
}

/// The action when an animation frame begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameAction {
    /// Render, and request the next animation frame.
    Render,
    /// Request the next animation frame without rendering.
    Skip,
    /// Nothing is pending; request no animation frame.
    Stop,
}

impl RenderScheduler {
    /// Handles a change of the rows. `true` means: render now and request an animation frame.
    pub fn handle_change(&mut self) -> bool {
        let idle = self.state == State::Idle;
        self.in_burst &= !idle;
        self.state = if idle { State::Rendered } else { State::Pending };
        idle
    }

    /// Records that the current render replaced every row on the screen.
    pub fn mark_replaced_all(&mut self) {
        self.replaced_all = true;
    }

    /// Returns `true` if the current render is part of a burst.
    pub fn in_burst(self) -> bool {
        self.in_burst
    }

    /// Handles the start of an animation frame that was requested.
    pub fn handle_frame(&mut self) -> FrameAction {
        let replaced_all = std::mem::take(&mut self.replaced_all);
        match self.state {
            State::Pending if replaced_all => FrameAction::Skip,
            State::Pending => {
                (self.state, self.in_burst) = (State::Rendered, true);
                FrameAction::Render
            }
            State::Rendered | State::Idle => {
                self.state = State::Idle;
                FrameAction::Stop
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_change_renders_at_once_and_a_burst_renders_once_per_frame() {
        let mut scheduler = RenderScheduler::default();
        assert!(scheduler.handle_change(), "it was idle");
        assert_eq!(scheduler.handle_frame(), FrameAction::Stop);
        assert!(scheduler.handle_change(), "it is idle again");
        for _ in 0..3 {
            assert!(!scheduler.handle_change() && !scheduler.handle_change(), "they wait for the frame");
            assert_eq!(scheduler.handle_frame(), FrameAction::Render);
        }
        assert_eq!(scheduler.handle_frame(), FrameAction::Stop, "nothing has changed since");
    }

    #[test]
    fn flood_renders_with_every_other_frame() {
        let mut scheduler = RenderScheduler::default();
        scheduler.handle_change();
        scheduler.mark_replaced_all();
        for _ in 0..3 {
            scheduler.handle_change();
            assert_eq!(scheduler.handle_frame(), FrameAction::Skip);
            scheduler.handle_change();
            assert_eq!(scheduler.handle_frame(), FrameAction::Render);
            assert!(scheduler.in_burst());
            scheduler.mark_replaced_all();
        }
        // The last change is rendered even when no other follows it.
        scheduler.handle_change();
        assert_eq!(scheduler.handle_frame(), FrameAction::Skip);
        assert_eq!(scheduler.handle_frame(), FrameAction::Render);
        assert_eq!(scheduler.handle_frame(), FrameAction::Stop);
        assert!(scheduler.handle_change() && !scheduler.in_burst());
    }
}
