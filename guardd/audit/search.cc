#include "guardd/audit/search.h"

#include <algorithm>

#include "guardd/audit/columns.h"
#include "policy/base/text.h"

namespace guard {
namespace {

// At most this many matches of a path are sorted. If there are more, searching by time is fast.
constexpr std::size_t kMostSorted = 20'000;

std::string with_slash(std::string path) {
  while (path.ends_with('/')) path.pop_back();
  return path + '/';
}

// The smallest text greater than all texts with this prefix; empty: there is none.
std::string after(std::string prefix) {
  while (!prefix.empty() && prefix.back() == '\xff') prefix.pop_back();
  if (!prefix.empty())
    prefix.back() = static_cast<char>(static_cast<unsigned char>(prefix.back()) + 1U);
  return prefix;
}

// Selects a column of the rows whose command is, or begins with, this text.
void add_commands(Condition& query, const std::string& column, const std::string& table,
                  const std::string& prefix, const std::string& text) {
  const auto select = "SELECT " + column + " FROM " + table + " WHERE " + prefix;
  query.add(
      select + "exe = ? UNION ALL " + select + "comm = ? UNION ALL " + select + "cmdline >= ?",
      {text, text, text});
  if (auto end = after(text); !end.empty()) query.add(" AND " + prefix + "cmdline < ?", {end});
}

Status read_keys(Statement& rows, std::vector<Search::Key>& keys) {
  for (;;) {
    GUARD_TRY(const bool more, rows.next());
    if (!more) return {};
    const auto time = rows.number();
    keys.push_back({time, rows.number()});
  }
}

}  // namespace

void Condition::add(const std::string& more,
                    std::vector<std::variant<std::int64_t, std::string>> bound) {
  sql += more;
  for (auto& each : bound) values.push_back(std::move(each));
}

void Condition::bind_to(Statement& statement) const {
  for (const auto& value : values) {
    if (const auto* number = std::get_if<std::int64_t>(&value))
      statement.bind(*number);
    else
      statement.bind(std::string_view(std::get<std::string>(value)));
  }
}

Condition segment_condition(const RecordFilter& filter) {
  Condition all;
  if (!filter.policy.empty()) all.add(" AND c.policy = ?", {filter.policy});
  if (filter.severity)
    all.add(" AND c.severity >= ?", {static_cast<std::int64_t>(*filter.severity)});
  if (!filter.login.empty()) {
    all.add(
        " AND c.number IN (SELECT number FROM chapters WHERE login_user = ? UNION ALL SELECT "
        "number FROM chapters WHERE human = ?",
        {filter.login, filter.login});
    if (const auto uid = parse_number(filter.login))
      all.add(" UNION ALL SELECT number FROM chapters WHERE login_uid = ?", {*uid});
    all.add(")", {});
  }
  if (!filter.command.empty()) {
    // Records of an older guardd have only the command of their incident.
    all.add(" AND (c.number IN (", {});
    add_commands(all, "chapter", "commands", "", filter.command);
    all.add(") OR c.incident IN (", {});
    add_commands(all, "number", "incidents", "command_", filter.command);
    all.add("))", {});
  }
  if (filter.outcome)
    all.add(" AND EXISTS (SELECT 1 FROM kinds k WHERE k.chapter = c.number AND k.action = ?)",
            {static_cast<std::int64_t>(*filter.outcome)});
  if (!filter.category.empty())
    all.add(" AND EXISTS (SELECT 1 FROM kinds k WHERE k.chapter = c.number AND k.category = ?)",
            {filter.category});
  if (!filter.unit.empty())
    all.add(" AND EXISTS (SELECT 1 FROM settings s WHERE s.chapter = c.number AND s.unit = ?)",
            {filter.unit});
  if (!filter.incident.empty())
    all.add(" AND c.incident = (SELECT number FROM incidents WHERE name = ?)", {filter.incident});
  return all;
}

Condition row_condition(const RecordFilter& filter) {
  Condition all;
  const auto kind = [&](const std::string& column, std::variant<std::int64_t, std::string> value) {
    all.add(
        " AND EXISTS (SELECT 1 FROM kinds k WHERE k.chapter = v.chapter AND k.number = v.kind AND "
        "k." +
            column + " = ?)",
        {std::move(value)});
  };
  if (filter.outcome) kind("action", static_cast<std::int64_t>(*filter.outcome));
  if (!filter.category.empty()) kind("category", filter.category);
  if (!filter.unit.empty())
    all.add(
        " AND EXISTS (SELECT 1 FROM actors a JOIN settings s ON s.chapter = a.chapter AND s.number "
        "= a.setting WHERE a.chapter = v.chapter AND a.number = v.actor AND s.unit = ?)",
        {filter.unit});
  if (!filter.command.empty()) {
    all.add(
        " AND EXISTS (SELECT 1 FROM actors a LEFT JOIN commands m ON m.chapter = a.chapter AND "
        "m.number = a.command WHERE a.chapter = v.chapter AND a.number = v.actor AND (a.command IS "
        "NULL OR m.exe = ? OR m.comm = ? OR (m.cmdline >= ?",
        {filter.command, filter.command, filter.command});
    if (auto end = after(filter.command); !end.empty()) all.add(" AND m.cmdline < ?", {end});
    all.add(")))", {});
  }
  return all;
}

bool is_pattern(std::string_view path) {
  return path.find_first_of("*?[") != std::string_view::npos;
}

std::vector<Condition> path_conditions(const std::string& path) {
  if (is_pattern(path)) {
    // The beginning without special characters makes it fast.
    const auto begin = path.substr(0, path.find_first_of("*?["));
    Condition matching;
    matching.add(" AND v.path >= ?", {begin});
    if (auto end = after(begin); !end.empty()) matching.add(" AND v.path < ?", {end});
    matching.add(" AND CAST(v.path AS TEXT) GLOB CAST(? AS TEXT)", {path});
    return {matching};
  }
  const auto below = with_slash(path);
  if (path.empty() || below == "/") return {};
  const auto itself = below.substr(0, below.size() - 1);
  return {{" AND v.path = ?", {itself}},
          {" AND v.path >= ? AND v.path < ?", {below, after(below)}}};
}

Search::Search(Database& database, const RecordFilter& filter)
    : database_(database),
      segments_(segment_condition(filter)),
      rows_(row_condition(filter)),
      paths_(path_conditions(filter.path)),
      since_(filter.since ? micros_of(*filter.since) : 0),
      until_(filter.until ? micros_of(*filter.until) : kEver),
      cursor_{until_, filter.until ? 0 : kEver} {}

Result<std::vector<Search::Key>> Search::next(std::size_t most) {
  if (!has_begun_ && !paths_.empty()) GUARD_CHECK(sort_by_path());
  has_begun_ = true;
  auto keys = sorted_                 ? next_by_path(most)
              : segments_.sql.empty() ? next_by_time(most)
                                      : next_by_segment(most);
  if (keys && !keys->empty()) cursor_ = keys->back();
  return keys;
}

// False: there are too many matches.
Result<bool> Search::sort_by_path() {
  std::vector<Key> keys;
  for (const auto& path : paths_) {
    Condition query;
    query.add("SELECT v.time, v.number FROM violations v WHERE v.time >= ? AND v.time < ?",
              {since_, until_});
    query.add(path.sql, path.values);
    query.add(rows_.sql, rows_.values);
    if (!segments_.sql.empty()) {
      query.add(" AND v.chapter IN (SELECT c.number FROM chapters c WHERE 1", {});
      query.add(segments_.sql + ")", segments_.values);
    }
    query.add(" LIMIT ?", {static_cast<std::int64_t>(kMostSorted + 1)});
    GUARD_TRY(auto rows, database_.prepare(query.sql.c_str()));
    query.bind_to(rows);
    GUARD_CHECK(read_keys(rows, keys));
    if (keys.size() > kMostSorted) return false;
  }
  std::sort(keys.begin(), keys.end());
  sorted_ = std::move(keys);
  return true;
}

Result<std::vector<Search::Key>> Search::next_by_path(std::size_t most) {
  std::vector<Key> keys;
  while (!sorted_->empty() && keys.size() < most) {
    keys.push_back(sorted_->back());
    sorted_->pop_back();
  }
  return keys;
}

// The condition on violations (v) that were not found yet, in the order of an index.
Condition Search::remaining() const {
  Condition rest;
  rest.add(" AND v.time >= ? AND v.time <= ? AND (v.time < ? OR v.number < ?)",
           {since_, cursor_.time, cursor_.time, cursor_.number});
  if (!paths_.empty()) {
    rest.add(" AND (0", {});
    for (const auto& path : paths_) rest.add(" OR (1" + path.sql + ")", path.values);
    rest.add(")", {});
  }
  rest.add(rows_.sql, rows_.values);
  return rest;
}

Result<std::vector<Search::Key>> Search::next_by_time(std::size_t most) {
  Condition query;
  query.add("SELECT v.time, v.number FROM violations v INDEXED BY violations_by_time WHERE 1", {});
  const auto rest = remaining();
  query.add(rest.sql + " ORDER BY v.time DESC, v.number DESC LIMIT ?", rest.values);
  query.add("", {static_cast<std::int64_t>(most)});
  GUARD_TRY(auto rows, database_.prepare(query.sql.c_str()));
  query.bind_to(rows);
  std::vector<Key> keys;
  GUARD_CHECK(read_keys(rows, keys));
  return keys;
}

// From the segment that ended last backwards, until no other can contain anything newer.
Result<std::vector<Search::Key>> Search::next_by_segment(std::size_t most) {
  Condition segments;
  segments.add("SELECT c.number, c.last_time FROM chapters c WHERE c.last_time >= ?", {since_});
  segments.add(" AND c.first_time <= ?", {cursor_.time});
  segments.add(segments_.sql + " ORDER BY c.last_time DESC", segments_.values);
  GUARD_TRY(auto each, database_.prepare(segments.sql.c_str()));
  segments.bind_to(each);

  const auto rest = remaining();
  const auto sql =
      "SELECT v.time, v.number FROM violations v INDEXED BY violations_by_chapter WHERE v.chapter "
      "= ?" +
      rest.sql + " ORDER BY v.time DESC, v.number DESC LIMIT ?";
  GUARD_TRY(auto rows, database_.prepare(sql.c_str()));

  std::vector<Key> keys;  // greatest first
  for (;;) {
    GUARD_TRY(const bool any, each.next());
    if (!any) return keys;
    const auto segment = each.number();
    if (keys.size() == most && each.number() < keys.back().time) return keys;
    rows.bind(segment);
    rest.bind_to(rows);
    rows.bind(static_cast<std::int64_t>(most));
    const auto known = static_cast<std::ptrdiff_t>(keys.size());
    GUARD_CHECK(read_keys(rows, keys));
    rows.reset();
    std::inplace_merge(keys.begin(), keys.begin() + known, keys.end(),
                       [](const Key& a, const Key& b) { return b < a; });
    keys.resize(std::min(keys.size(), most));
  }
}

Result<std::uint64_t> Search::count() {
  Condition query;
  if (segments_.sql.empty()) {
    query.add(
        "SELECT count(*) + ifnull(sum(f.count - 1), 0) FROM violations v LEFT JOIN fixed_files f "
        "ON f.violation = v.number WHERE v.time >= ? AND v.time < ?",
        {since_, until_});
  } else if (paths_.empty()) {
    query.add(
        "SELECT count(*) + ifnull(sum(f.count - 1), 0) FROM chapters c CROSS JOIN violations v ON "
        "v.chapter = c.number LEFT JOIN fixed_files f ON f.violation = v.number WHERE v.time >= ? "
        "AND v.time < ?",
        {since_, until_});
    query.add(segments_.sql, segments_.values);
  } else {
    query.add(
        "SELECT count(*) + ifnull(sum(f.count - 1), 0) FROM violations v LEFT JOIN fixed_files f "
        "ON f.violation = v.number WHERE v.time >= ? AND v.time < ? AND v.chapter IN "
        "(SELECT c.number FROM chapters c WHERE 1",
        {since_, until_});
    query.add(segments_.sql + ")", segments_.values);
  }
  std::uint64_t count = 0;
  for (const auto& path : paths_.empty() ? std::vector<Condition>(1) : paths_) {
    auto whole = query;
    whole.add(path.sql, path.values);
    whole.add(rows_.sql, rows_.values);
    GUARD_TRY(auto row, database_.prepare(whole.sql.c_str()));
    whole.bind_to(row);
    GUARD_TRY(const bool there, row.next());
    if (there) count += static_cast<std::uint64_t>(row.number());
  }
  return count;
}

}  // namespace guard
