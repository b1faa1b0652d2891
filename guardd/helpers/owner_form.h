// How an owner and a group go from one process to the other. Pure.
#pragma once

#include "guardd/helpers/record.h"
#include "policy/base/ids.h"

namespace guard {

inline void write_owner(ContentsWriter& out, OwnerIds owner) {
  out.number(owner.user.value);
  out.number(owner.group.value);
}

inline OwnerIds read_owner(ContentsReader& in) {
  const Uid user{in.number<decltype(Uid::value)>()};
  return {user, Gid{in.number<decltype(Gid::value)>()}};
}

}  // namespace guard
