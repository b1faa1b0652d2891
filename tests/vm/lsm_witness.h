// What tests of evidence do to objects, and what the programs keep of it.
#pragma once

#include <functional>
#include <optional>

#include "tests/vm/lsm_patterns.h"

namespace guard {

inline Fd path_of(const Fd& in, const char* name) {
  return Fd(::openat(in.get(), name, O_PATH | O_NOFOLLOW | O_CLOEXEC));
}

inline std::optional<WitnessTag> witness_of(const Lsm& lsm, const Fd& in, const char* name) {
  const auto object = path_of(in, name);
  EXPECT_TRUE(object) << name;
  return lsm.witness(object.get());
}

#define KIND_OF(in, name) (witness_of(*lsm_, in, name).value_or(WitnessTag{}).kind)

inline int create(const Fd& in, const char* name) {
  const Fd file(::openat(in.get(), name, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600));
  return errno_of(file.get());
}

inline int move(const Fd& from, const char* name, const Fd& to, const char* new_name,
                unsigned flags = 0) {
  return errno_of(::renameat2(from.get(), name, to.get(), new_name, flags));
}

inline void as(std::uint32_t user, const std::function<void()>& work) {
  const ActingAs acting(user);
  work();
}

}  // namespace guard
