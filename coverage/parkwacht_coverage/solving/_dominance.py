"""Compiled loops that find sets inside other sets: sorted members, 64-bit signatures first."""

import numpy as np
import numpy.typing as npt

from parkwacht_coverage._compiled import compiled

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int32]
Longs = npt.NDArray[np.int64]
Words = npt.NDArray[np.uint64]


@compiled
def signatures(ptr: Ints, members: Ints) -> Words:
    """Compute per set a bit pattern: a set inside another has no bit that the other lacks."""
    words = np.zeros((len(ptr) - 1, 4), dtype=np.uint64)
    one = np.uint64(1)
    for i in range(len(ptr) - 1):
        for at in range(ptr[i], ptr[i + 1]):
            # Knuth's multiplicative hash spreads neighbours over the bits
            mixed = (np.uint64(members[at]) * np.uint64(11400714819323198485)) >> np.uint64(56)
            words[i, mixed >> np.uint64(6)] |= one << (mixed & np.uint64(63))
    return words


@compiled
def is_inside(ptr: Ints, members: Ints, words: Words, i: int, j: int) -> bool:
    """Return whether set i is a subset of set j; members of each are sorted."""
    for word in range(4):
        if words[i, word] & ~words[j, word]:
            return False
    at, end = ptr[j], ptr[j + 1]
    left = end - at - (ptr[i + 1] - ptr[i])
    for mine in range(ptr[i], ptr[i + 1]):
        member = members[mine]
        while at < end and members[at] < member:
            at += 1
            left -= 1
            if left < 0:
                return False
        if at == end or members[at] != member:
            return False
        at += 1
    return True


@compiled
def rarest_member(ptr: Ints, members: Ints, owner_ptr: Ints, i: int) -> int:
    """Return the member of set i that the fewest sets have; -1 when the set is empty."""
    rarest, fewest = -1, 0
    for at in range(ptr[i], ptr[i + 1]):
        member = members[at]
        n_owners = owner_ptr[member + 1] - owner_ptr[member]
        if rarest < 0 or n_owners < fewest:
            rarest, fewest = member, n_owners
    return rarest


@compiled
def find_dominators(
    sets: tuple[Ints, Ints], owners: tuple[Ints, Ints], words: Words, cost: Floats, group: Longs
) -> Longs:
    """
    Find for every set another that has all its members for no more cost, in the same group.

    Returns -1 where there is none. Of equal sets at equal cost the first stays.
    """
    ptr, members = sets
    owner_ptr, owner = owners
    n_sets = len(ptr) - 1
    found = np.full(n_sets, -1, dtype=np.int64)
    for i in range(n_sets):
        rarest = rarest_member(ptr, members, owner_ptr, i)
        if rarest < 0:
            continue
        size = ptr[i + 1] - ptr[i]
        for at in range(owner_ptr[rarest], owner_ptr[rarest + 1]):
            j = owner[at]
            other = ptr[j + 1] - ptr[j]
            # what is dominated itself has a dominator that is met here too
            if j == i or found[j] >= 0 or other < size or cost[j] > cost[i]:
                continue
            if group[i] != group[j] or (other == size and cost[j] == cost[i] and j > i):
                continue
            if is_inside(ptr, members, words, i, j):
                found[i] = j
                break
    return found


@compiled
def find_supersets(
    sets: tuple[Ints, Ints], owners: tuple[Ints, Ints], words: Words
) -> npt.NDArray[np.bool_]:
    """Mark every set that contains another; of equal sets the first is not marked."""
    ptr, members = sets
    owner_ptr, owner = owners
    n_sets = len(ptr) - 1
    marked = np.zeros(n_sets, dtype=np.bool_)
    for i in range(n_sets):
        rarest = rarest_member(ptr, members, owner_ptr, i)
        if rarest < 0 or marked[i]:
            continue
        size = ptr[i + 1] - ptr[i]
        for at in range(owner_ptr[rarest], owner_ptr[rarest + 1]):
            j = owner[at]
            other = ptr[j + 1] - ptr[j]
            if j == i or marked[j] or other < size or (other == size and j < i):
                continue
            if is_inside(ptr, members, words, i, j):
                marked[j] = True
    return marked
