// How the result of a repair, and the plain values of a message, go from one process to the other.
// The readers trust nothing: what is not whole is nothing. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "guardd/helpers/message.h"
#include "guardd/helpers/record.h"
#include "guardd/repair/repair.h"
#include "policy/policy_set.h"
#include "policy/words.h"

namespace guard {

inline constexpr std::size_t kMostText = MessageReader::kMost;
inline constexpr std::size_t kMostPath = std::size_t{1} << 20U;
inline constexpr std::size_t kMostError = 4096;

// The value of an enum with this many words; a greater one makes the message invalid.
template <typename Enum>
std::optional<Enum> read_enum(ContentsReader& in) {
  const auto value = in.number<std::uint8_t>();
  if (value >= Words<Enum>::kAll.size()) return std::nullopt;
  return static_cast<Enum>(value);
}

template <typename Enum>
void write_enum(ContentsWriter& out, Enum value) {
  out.number(static_cast<std::uint8_t>(value));
}

inline void write_flag(ContentsWriter& out, bool flag) {
  out.number(static_cast<std::uint8_t>(flag));
}

// The verdict stays behind: the reader judges again.
void write_outcome(ContentsWriter& out, const RepairOutcome& outcome);
// False: it is not whole, or says what cannot be: nothing is fixed that is right.
bool read_outcome(ContentsReader& in, const Policy& policy, const std::string& path,
                  RepairOutcome& outcome);

// Reads one thing after the other up to the end.
template <typename Thing, typename Read>
std::optional<std::vector<Thing>> read_all(std::string_view contents, const Read& read) {
  ContentsReader in(contents);
  std::vector<Thing> all;
  while (!in.at_end()) {
    auto one = read(in);
    if (!one || !in.is_valid()) return std::nullopt;
    all.push_back(*std::move(one));
  }
  return all;
}

}  // namespace guard
