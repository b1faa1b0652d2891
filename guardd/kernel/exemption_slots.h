// Assigns a bit in the kernel to each exemption of the policies. Processes pass their bits on to
// the processes that they start, so a bit keeps its meaning over reloads while any policy needs it,
// and is reused as late as possible. Writes nothing. One thread: the daemon's loop.
#pragma once

#include <compare>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "bpf/wire/wire.h"
#include "guardd/who/known_container.h"
#include "policy/policy_set.h"

namespace guard {

// The subject of an allow, without what it grants. Equal subjects share one exemption.
struct Exemption {
  static constexpr std::int64_t kNone = -1;  // named, but no such account exists

  std::optional<std::string> exe;
  std::optional<std::string> unit;
  std::optional<std::string> container;
  std::optional<std::string> image;
  std::optional<std::int64_t> user;
  std::optional<std::int64_t> group;
  std::optional<std::int64_t> login;
  std::optional<Label> label;
  bool children = true;

  // NOLINTNEXTLINE(modernize-use-nullptr): there is none
  friend auto operator<=>(const Exemption&, const Exemption&) = default;

  static Exemption of(const Allow& allow);
  // Whether it needs a container, and whether this one will do.
  bool needs_container() const { return container || image; }
  bool matches(const KnownContainer& of_root) const;
  // It has no key at all. The kernel has no bit for that.
  bool is_for_all() const;
};

// Whether the kernel can match a unit by this name: it is no pattern, and is not truncated there.
bool is_plain_unit(const std::string& name);

class ExemptionSlots {
 public:
  static constexpr unsigned kMost = kExcused;

  ExemptionSlots();

  // None if all slots are taken.
  std::optional<unsigned> take(const Exemption& exemption);
  // Frees all others.
  void keep_only(const std::set<Exemption>& wanted);
  const std::map<Exemption, unsigned>& taken() const { return taken_; }

 private:
  std::map<Exemption, unsigned> taken_;
  std::deque<unsigned> free_;  // the longest free first
};

// The kernel tables for these exemptions, with programs by path.
struct ExemptionTables {
  Exemptions exemptions{};
  std::map<std::pair<std::uint32_t, std::uint32_t>, std::uint64_t> subjects;  // kind, number
  std::map<std::string, std::uint64_t> units;
  std::map<std::uint64_t, std::uint64_t> containers;  // by control group
  std::map<std::string, std::uint64_t> exes;
};
// `containers`: those that count for exemptions.
ExemptionTables exemption_tables(const std::map<Exemption, unsigned>& slots,
                                 const std::vector<KnownContainerPtr>& containers);

}  // namespace guard
