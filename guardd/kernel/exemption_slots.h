// Who is exempt by some policy, and which bit stands for it in the kernel. Processes hand bits down
// to what they start, so a bit keeps its meaning over reloads for as long as any policy needs it,
// and is given to others as late as can be. Writes nothing. One thread: the daemon's loop.
#pragma once

#include <compare>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "bpf/wire/wire.h"
#include "policy/policy_set.h"

namespace guard {

// An allow without what it grants: two that say the same are one.
struct Exemption {
  static constexpr std::int64_t kNobody = -1;  // named, but not there

  std::optional<std::string> exe;
  std::optional<std::string> unit;
  std::optional<std::int64_t> user;
  std::optional<std::int64_t> group;
  std::optional<std::int64_t> login;
  std::optional<Label> label;
  bool children = true;

  // NOLINTNEXTLINE(modernize-use-nullptr): there is none
  friend auto operator<=>(const Exemption&, const Exemption&) = default;

  static Exemption of(const Allow& allow);
  // No key at all: the kernel has no word for that.
  bool is_for_everybody() const;
};

// Whether the kernel can tell a unit of this name from others: no pattern, and not cut off there.
bool is_plain_unit(const std::string& name);

class ExemptionSlots {
 public:
  static constexpr unsigned kMost = kExcused;

  ExemptionSlots();

  // None if all are taken.
  std::optional<unsigned> take(const Exemption& exemption);
  // Gives up all others.
  void keep_only(const std::set<Exemption>& wanted);
  const std::map<Exemption, unsigned>& taken() const { return taken_; }

 private:
  std::map<Exemption, unsigned> taken_;
  std::deque<unsigned> free_;  // the one that has been free for longest first
};

// What the kernel has to know for them, programs as they are named.
struct Speakers {
  Exemptions exemptions{};
  std::map<std::pair<std::uint32_t, std::uint32_t>, std::uint64_t> subjects;  // kind, number
  std::map<std::string, std::uint64_t> units;
  std::map<std::string, std::uint64_t> exes;
};
Speakers speakers_of(const std::map<Exemption, unsigned>& slots);

}  // namespace guard
