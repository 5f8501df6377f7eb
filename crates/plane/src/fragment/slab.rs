//! Values in numbered places, and lists through them; all memory is taken at the start.

use alloc::vec::Vec;

/// No place: ends a list.
pub(super) const NIL: u32 = u32::MAX;

enum Entry<T> {
    Free { next: u32 },
    Used(T),
}

pub(super) struct Slab<T> {
    entries: Vec<Entry<T>>,
    free: u32,
}

impl<T> Slab<T> {
    /// Room for `capacity` values.
    pub fn new(capacity: u32) -> Self {
        let next = |at: u32| if at + 1 < capacity { at + 1 } else { NIL };
        let entries = (0..capacity).map(|at| Entry::Free { next: next(at) }).collect();
        Self { entries, free: if capacity == 0 { NIL } else { 0 } }
    }

    /// Gives the value back where all places are taken.
    pub fn insert(&mut self, value: T) -> Result<u32, T> {
        let id = self.free;
        match self.entries.get_mut(id as usize) {
            Some(entry @ &mut Entry::Free { next }) => {
                *entry = Entry::Used(value);
                self.free = next;
                Ok(id)
            }
            _ => Err(value),
        }
    }

    pub fn remove(&mut self, id: u32) -> Option<T> {
        let entry = self.entries.get_mut(id as usize).filter(|entry| matches!(entry, Entry::Used(_)))?;
        let removed = core::mem::replace(entry, Entry::Free { next: self.free });
        self.free = id;
        match removed {
            Entry::Used(value) => Some(value),
            Entry::Free { .. } => None,
        }
    }

    pub fn get(&self, id: u32) -> Option<&T> {
        match self.entries.get(id as usize)? {
            Entry::Used(value) => Some(value),
            Entry::Free { .. } => None,
        }
    }

    pub fn get_mut(&mut self, id: u32) -> Option<&mut T> {
        match self.entries.get_mut(id as usize)? {
            Entry::Used(value) => Some(value),
            Entry::Free { .. } => None,
        }
    }
}

/// The ends of a list of values.
#[derive(Clone, Copy, Debug)]
pub(super) struct List {
    pub first: u32,
    pub last: u32,
}

/// A value's neighbors in a list.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    prev: u32,
    next: u32,
}

impl Place {
    pub const NONE: Self = Self { prev: NIL, next: NIL };
}

impl List {
    pub const EMPTY: Self = Self { first: NIL, last: NIL };

    /// Appends a value; `place` says where in a value its place in this list is.
    pub fn push<T>(&mut self, slab: &mut Slab<T>, id: u32, place: impl Fn(&mut T) -> &mut Place) {
        let prev = core::mem::replace(&mut self.last, id);
        if let Some(value) = slab.get_mut(id) {
            *place(value) = Place { prev, next: NIL };
        }
        match slab.get_mut(prev) {
            Some(before) => place(before).next = id,
            None => self.first = id,
        }
    }

    /// Takes a value out of the list; it must be in it.
    pub fn unlink<T>(&mut self, slab: &mut Slab<T>, id: u32, place: impl Fn(&mut T) -> &mut Place) {
        let Some(value) = slab.get_mut(id) else { return };
        let Place { prev, next } = core::mem::replace(place(value), Place::NONE);
        match slab.get_mut(prev) {
            Some(before) => place(before).next = next,
            None => self.first = next,
        }
        match slab.get_mut(next) {
            Some(behind) => place(behind).prev = prev,
            None => self.last = prev,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    fn order(list: &List, slab: &Slab<(char, Place)>) -> Vec<char> {
        let mut at = list.first;
        let next = |id: u32| slab.get(id).map(|(name, place)| (*name, place.next));
        core::iter::from_fn(|| next(at).map(|(name, next)| (name, at = next).0)).collect()
    }

    #[test]
    fn places_are_used_again_and_lists_keep_their_order() {
        let mut slab = Slab::new(3);
        let mut list = List::EMPTY;
        let ids: Vec<u32> = ['a', 'b', 'c'].map(|name| slab.insert((name, Place::NONE)).ok().unwrap()).into();
        assert!(slab.insert(('d', Place::NONE)).is_err());
        ids.iter().for_each(|id| list.push(&mut slab, *id, |value| &mut value.1));
        assert_eq!(order(&list, &slab), ['a', 'b', 'c']);
        for (id, left) in [(1, vec!['a', 'c']), (0, vec!['c']), (2, vec![])] {
            list.unlink(&mut slab, id, |value| &mut value.1);
            assert!(slab.remove(id).is_some() && slab.remove(id).is_none());
            assert_eq!(order(&list, &slab), left);
        }
        assert_eq!((list.first, list.last), (NIL, NIL));
        assert_eq!(slab.insert(('e', Place::NONE)).ok(), Some(2));
    }
}
