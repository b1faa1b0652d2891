#include "guardd/kernel/exemption_slots.h"

namespace guard {
namespace {

template <typename Id>
std::optional<std::int64_t> number(bool is_said, const std::optional<Id>& found) {
  if (!is_said) return std::nullopt;
  return found ? std::int64_t{found->value} : Exemption::kNone;
}

}  // namespace

Exemption Exemption::of(const Allow& allow) {
  const auto& said = allow.said;
  Exemption exemption;
  if (said.exe) exemption.exe = said.exe->value;
  if (said.unit) exemption.unit = said.unit->value;
  if (said.container) exemption.container = said.container->value;
  if (said.image) exemption.image = said.image->value;
  exemption.user = number(said.user.has_value(), allow.user);
  exemption.group = number(said.group.has_value(), allow.group);
  exemption.login = number(said.login.has_value(), allow.login);
  if (said.label) exemption.label = said.label->value;
  exemption.children = said.children.value;
  return exemption;
}

bool Exemption::is_for_all() const {
  return !exe && !unit && !needs_container() && !user && !group && !login && !label;
}

bool Exemption::matches(const KnownContainer& of_root) const {
  ContainerPatterns patterns;
  const auto set = [](std::optional<Glob>& pattern, const std::optional<std::string>& text) {
    if (!text) return;
    if (auto glob = Glob::compile(*text)) pattern = *std::move(glob);
  };
  set(patterns.name, container);
  set(patterns.image, image);
  return patterns.match(of_root.allow_name, of_root.image);
}

bool is_plain_unit(const std::string& name) {
  return name.size() < kUnitName - 1 && name.find_first_of("*?[]{}") == std::string::npos;
}

ExemptionSlots::ExemptionSlots() {
  for (unsigned slot = 0; slot < kMost; ++slot) free_.push_back(slot);
}

std::optional<unsigned> ExemptionSlots::take(const Exemption& exemption) {
  if (const auto known = taken_.find(exemption); known != taken_.end()) return known->second;
  if (free_.empty()) return std::nullopt;
  const auto slot = free_.front();
  free_.pop_front();
  taken_.emplace(exemption, slot);
  return slot;
}

void ExemptionSlots::keep_only(const std::set<Exemption>& wanted) {
  for (auto each = taken_.begin(); each != taken_.end();) {
    if (wanted.contains(each->first)) {
      ++each;
    } else {
      free_.push_back(each->second);
      each = taken_.erase(each);
    }
  }
}

ExemptionTables exemption_tables(const std::map<Exemption, unsigned>& slots,
                                 const std::vector<KnownContainerPtr>& containers) {
  ExemptionTables tables;
  auto& all = tables.exemptions;
  const auto subject = [&](SubjectKind kind, const std::optional<std::int64_t>& id, __u64& need,
                           std::uint64_t bit) {
    if (!id) return;
    need |= bit;
    if (*id != Exemption::kNone) tables.subjects[{kind, static_cast<std::uint32_t>(*id)}] |= bit;
  };
  for (const auto& [exemption, slot] : slots) {
    const auto bit = std::uint64_t{1} << slot;
    subject(kSubjectUser, exemption.user, all.need_user, bit);
    subject(kSubjectGroup, exemption.group, all.need_group, bit);
    subject(kSubjectLogin, exemption.login, all.need_login, bit);
    if (exemption.exe) {
      all.need_program |= bit;
      tables.exes[*exemption.exe] |= bit;
    }
    if (exemption.label) {
      all.need_label |= bit;
      all.of_label[static_cast<std::size_t>(*exemption.label)] |= bit;
    }
    if (exemption.unit) {
      all.need_unit |= bit;
      if (is_plain_unit(*exemption.unit)) {
        tables.units[*exemption.unit] |= bit;
        tables.units["_" + *exemption.unit] |=
            bit;  // systemd prefixes the names of some control groups
      } else {
        all.any_unit |= bit;
      }
    }
    if (exemption.needs_container()) {
      all.need_container |= bit;
      for (const auto& container : containers)
        if (container->group != 0 && exemption.matches(*container))
          tables.containers[container->group] |= bit;
    }
    if (exemption.children) all.for_children |= bit;
  }
  constexpr auto kManagers = std::uint64_t{1} << kPackageManagers;
  all.need_label |= kManagers;
  all.of_label[static_cast<std::size_t>(Label::kPackageManager)] |= kManagers;
  all.for_children |= kManagers;
  return tables;
}

}  // namespace guard
