// A policy as written in its file: typed, with the place of each value, but not resolved yet.
#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "policy/base/duration.h"
#include "policy/base/ids.h"
#include "policy/diagnostic.h"
#include "policy/words.h"

namespace guard {

// A value and its place in the file; a default has no place.
template <typename T>
struct Setting {
  T value{};
  Place place;
};

template <typename T>
using Optional = std::optional<Setting<T>>;

// A user or a group: a name or a number.
using Principal = std::variant<std::string, std::uint32_t>;

struct DraftRule {
  Place place;
  std::vector<Setting<std::string>> match;
  Optional<Principal> owner;
  Optional<Principal> group;
  Optional<Mode> file_mode;
  Optional<Mode> dir_mode;
  Optional<Action> action;
};

struct DraftAllow {
  Place place;
  Optional<std::string> exe;
  Optional<std::string> unit;
  Optional<std::string> container;
  Optional<std::string> image;
  Optional<Principal> user;
  Optional<Principal> group;
  Optional<Principal> login;
  Optional<Label> label;
  Setting<bool> children{true, {}};
  Setting<Effect> effect{Effect::kNoDeny, {}};
};

struct DraftPolicy {
  Place place;
  Setting<std::string> name;
  std::vector<Setting<std::string>> paths;
  Optional<Principal> owner;
  Optional<Principal> group;
  Setting<Action> action{Action::kLog, {}};
  Setting<EnumSet<Guard>> guards{{Guard::kOwnership}, {}};
  Optional<Mode> file_mode;
  Optional<Mode> dir_mode;
  Setting<Duration> settle{std::chrono::milliseconds(250), {}};
  Setting<FixAt> fix_at{FixAt::kSettle, {}};
  std::vector<Setting<std::string>> exclude;
  Setting<Severity> severity{Severity::kMedium, {}};
  Setting<std::string> category{"service", {}};
  Setting<bool> tell{true, {}};
  Setting<Only> only{Only::kAny, {}};
  Setting<bool> strict{false, {}};
  Setting<bool> force{false, {}};
  std::vector<DraftRule> rules;
  std::vector<DraftAllow> allows;
};

}  // namespace guard
