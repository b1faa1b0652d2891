#include "guardd/kernel/policy_tables.h"

#include <utility>

#include "policy/base/text.h"

namespace guard {
namespace {

bool is_same(const Program& one, const Program& other) {
  return one.exemptions == other.exemptions && one.labels == other.labels &&
         one.is_interpreter == other.is_interpreter;
}

bool is_same(std::uint64_t one, std::uint64_t other) {
  return one == other;
}

// Writes only what differs from what `there` says is in the table.
template <typename Map, typename Put>
Status put_all(Map& there, const Map& wanted, Put put) {
  for (const auto& [key, value] : wanted) {
    const auto known = there.find(key);
    if (known != there.end() && is_same(known->second, value)) continue;
    GUARD_CHECK(put(key, value));
    there.insert_or_assign(key, value);
  }
  return {};
}

template <typename Map, typename Drop>
Status drop_others(Map& there, const Map& wanted, Drop drop) {
  for (auto each = there.begin(); each != there.end();) {
    if (wanted.contains(each->first)) {
      ++each;
      continue;
    }
    GUARD_CHECK(drop(each->first));
    each = there.erase(each);
  }
  return {};
}

ProgramKey key_of(const ExemptPrograms::Id& id) {
  return {id.inode, id.device, id.owner};
}

}  // namespace

PolicyTables::PolicyTables(KernelTables& tables) : tables_(tables), held_(1) {}

Status PolicyTables::prepare(const PolicySet& set) {
  auto next = tree_tags(set, slots_, next_table_);
  add_tables(next);
  if (auto done = write_exemptions(OldEntries::kKeep); !done) {
    for (const auto& table : next.tables) drop_table(table);
    return done;
  }
  held_.push_back(std::move(next));
  update_shortcomings(exemption_tables(slots_.taken(), containers_).exemptions);
  return {};
}

// A tree whose patterns do not fit is marked undecidable. Rejecting the whole new set would be
// worse.
void PolicyTables::add_tables(TreeTags& next) {
  for (auto table = next.tables.begin(); table != next.tables.end();) {
    const auto added = add_table(*table);
    if (added) {
      table->rows = {};  // the kernel has them
      ++table;
      continue;
    }
    drop_table(*table);
    for (auto& tag : next.tags) {
      if (tag.patterns != table->id) continue;
      tag.patterns = 0;
      tag.flags = (tag.flags & ~std::uint32_t{kTreeAsciiOnly}) | kTreeUndecidable;
    }
    next.shortcomings.push_back(
        "policy " + quote(table->policy) +
        ": nothing is denied there, only fixed afterwards: " + added.error().text());
    table = next.tables.erase(table);
  }
}

Status PolicyTables::add_table(const PatternTable& table) {
  for (std::size_t i = 0; i < table.rules.size(); ++i) {
    const auto label = kLabelFirstRule + static_cast<std::uint32_t>(i);
    GUARD_CHECK(tables_.add_rule({table.id, label}, table.rules[i]));
  }
  return tables_.add_patterns(table.id, table.rows);
}

void PolicyTables::drop_table(const PatternTable& table) {
  tables_.drop_patterns(table.id, table.states);
  for (std::size_t i = 0; i < table.rules.size(); ++i)
    tables_.drop_rule({table.id, kLabelFirstRule + static_cast<std::uint32_t>(i)});
}

Status PolicyTables::finish() {
  for (auto old = held_.begin(); old + 1 != held_.end(); ++old)
    for (const auto& table : old->tables) drop_table(table);
  held_.erase(held_.begin(), held_.end() - 1);
  slots_.keep_only(now().exemptions);
  return write_exemptions(OldEntries::kDrop);
}

// What grants an exemption comes first, then what the exemption needs: while it needs nothing, the
// programs grant it to no process.
Status PolicyTables::write_exemptions(OldEntries old) {
  const auto wanted = exemption_tables(slots_.taken(), containers_);
  const auto set_subject = [this](const auto& key, std::uint64_t bits) {
    return tables_.set_subject({key.first, key.second}, bits);
  };
  const auto set_unit = [this](const std::string& name, std::uint64_t bits) {
    return tables_.set_unit(name, bits);
  };
  const auto set_container = [this](std::uint64_t group, std::uint64_t bits) {
    return tables_.set_container(group, bits);
  };
  GUARD_CHECK(put_all(written_.subjects, wanted.subjects, set_subject));
  GUARD_CHECK(put_all(written_.units, wanted.units, set_unit));
  GUARD_CHECK(put_all(written_.containers, wanted.containers, set_container));
  auto found = find_programs(wanted.exes, labelled_paths());
  GUARD_CHECK(write_programs(std::move(found), old));
  tables_.exempt(wanted.exemptions);
  if (old == OldEntries::kKeep) return {};
  GUARD_CHECK(drop_others(written_.subjects, wanted.subjects,
                          [&](const auto& key) { return set_subject(key, 0); }));
  GUARD_CHECK(drop_others(written_.containers, wanted.containers,
                          [&](std::uint64_t group) { return set_container(group, 0); }));
  return drop_others(written_.units, wanted.units,
                     [&](const std::string& name) { return set_unit(name, 0); });
}

Status PolicyTables::write_programs(ExemptPrograms found, OldEntries old) {
  const auto set_script = [this](const std::string& comm, std::uint64_t labels) {
    return tables_.set_script(comm, static_cast<std::uint32_t>(labels));
  };
  auto& there = written_.programs;
  GUARD_CHECK(put_all(there.scripts, found.scripts, set_script));
  GUARD_CHECK(put_all(there.programs, found.programs, [this](const auto& id, const auto& program) {
    return tables_.set_program(key_of(id), program);
  }));
  there.hidden = std::move(found.hidden);
  there.directories = std::move(found.directories);
  if (old == OldEntries::kKeep) return {};
  GUARD_CHECK(drop_others(there.programs, found.programs,
                          [this](const auto& id) { return tables_.drop_program(key_of(id)); }));
  return drop_others(there.scripts, found.scripts,
                     [&](const std::string& comm) { return set_script(comm, 0); });
}

Status PolicyTables::set_containers(std::vector<KnownContainerPtr> containers) {
  containers_ = std::move(containers);
  const auto wanted = exemption_tables(slots_.taken(), containers_).containers;
  GUARD_CHECK(drop_others(written_.containers, wanted,
                          [this](std::uint64_t group) { return tables_.set_container(group, 0); }));
  return put_all(written_.containers, wanted, [this](std::uint64_t group, std::uint64_t bits) {
    return tables_.set_container(group, bits);
  });
}

Status PolicyTables::refresh_programs() {
  const auto wanted = exemption_tables(slots_.taken(), containers_);
  auto done = write_programs(find_programs(wanted.exes, labelled_paths()), OldEntries::kDrop);
  update_shortcomings(wanted.exemptions);
  return done;
}

std::vector<std::string> PolicyTables::program_directories() const {
  return {written_.programs.directories.begin(), written_.programs.directories.end()};
}

void PolicyTables::update_shortcomings(const Exemptions& exemptions) {
  shortcomings_ = now().shortcomings;
  if (!now().denies) return;
  for (const auto& [id, hidden] : written_.programs.hidden) {
    if (exemptions.of_label[static_cast<std::size_t>(hidden.label)] == 0) continue;
    shortcomings_.push_back("the kernel cannot recognize " + quote(hidden.path) +
                            " because of how its first line starts it, so it is denied like any "
                            "other program: allow it by its unit or user, or name its interpreter "
                            "directly in its first line");
  }
}

}  // namespace guard
