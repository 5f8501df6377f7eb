//! Rules by the thousand: what a packet costs that all of them look at.
