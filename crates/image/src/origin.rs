//! What the run time has to tell the rest.

use crate::computer::{Heap, Origin};
use rt::{BootArguments, Sections};

/// Where this program comes from, and what its run time can do.
pub fn origin(boot: BootArguments) -> Origin {
    let Sections { text, read_only, writable, stack_guard } = rt::kernel_sections();
    Origin {
        protocol: boot.protocol,
        info: boot.info,
        code: text,
        read_only,
        writable,
        stack_guard,
        heap: Heap { add: rt::heap::add, used: rt::heap::allocated, left: rt::heap::available },
        choose_copy: rt::choose_copy,
        zero_large_by: rt::heap::zero_large_by,
    }
}
