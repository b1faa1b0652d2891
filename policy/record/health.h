// guardd's health, as records, the bus and conditions name it.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "policy/words.h"

namespace guard {

enum class Health : std::uint8_t { kOk, kDegraded, kPaused, kDisabled };

template <>
struct Words<Health> {
  static constexpr std::array<std::string_view, 4> kAll{"ok", "degraded", "paused", "disabled"};
};

}  // namespace guard
