#include "guardd/repair_process/repair_form.h"

#include <algorithm>
#include <utility>

#include "guardd/host/remembered_users.h"
#include "guardd/repair_process/id_form.h"
#include "guardd/repair_process/outcome_form.h"

namespace guard {
namespace {

bool is_tree_of(const std::shared_ptr<const PolicySet>& set, std::uint32_t tree) {
  return set && tree < set->trees().size();
}

// Ends where a file is not in the tree: the list is damaged.
FixedFiles copy_of(std::string_view bytes, const std::string& tree, std::size_t count) {
  FixedFiles copy;
  for (FixedFiles::Reader files(bytes); files.next();) {
    const auto& file = files.file();
    if (!file.path.starts_with(tree + "/") || copy.count() == count) break;
    copy.add(file.path, file);
  }
  return copy;
}

}  // namespace

// ---- terms and rules

std::string write_terms(const RepairTerms& terms) {
  ContentsWriter out;
  out.number(terms.scan_threads);
  for (const bool each : {terms.has_witness, terms.has_memory, terms.wants_object})
    write_flag(out, each);
  return out.take();
}

std::optional<RepairTerms> read_terms(std::string_view contents) {
  ContentsReader in(contents);
  RepairTerms terms;
  terms.scan_threads = in.number<std::uint32_t>();
  terms.has_witness = in.flag();
  terms.has_memory = in.flag();
  terms.wants_object = in.flag();
  return in.is_whole() ? std::optional(terms) : std::nullopt;
}

std::string write_rules(const RepairRules& rules) {
  ContentsWriter out;
  out.number(rules.number);
  out.number(rules.generation);
  out.text(rules.identity);
  out.text(rules.accounts);
  out.number(static_cast<std::uint32_t>(rules.excuses.size()));
  for (const auto& [policy, excuse] : rules.excuses) {
    out.text(policy);
    out.text(excuse);
  }
  for (const auto& file : rules.texts) {
    out.text(file.path);
    out.text(file.text);
  }
  return out.take();
}

std::optional<RepairRules> read_rules_of(std::string_view contents) {
  ContentsReader in(contents);
  RepairRules rules;
  rules.number = in.number<std::uint64_t>();
  rules.generation = in.number<std::uint64_t>();
  rules.identity = in.text(kMostText);
  rules.accounts = in.text(kMostText);
  const auto excuses = in.number<std::uint32_t>();
  for (std::uint32_t i = 0; i < excuses && in.is_valid(); ++i) {
    auto policy = in.text(kMostText);
    rules.excuses[std::move(policy)] = in.text(kMostText);
  }
  while (in.is_valid() && !in.at_end()) {
    auto path = in.text(kMostPath);
    rules.texts.push_back({std::move(path), in.text(kMostText)});
  }
  return in.is_whole() ? std::optional(std::move(rules)) : std::nullopt;
}

namespace {

// Whether an allow matches is judged where its programs are known.
class NoFiles final : public Files {
 public:
  Result<std::optional<PathFacts>> look(const std::string& /*path*/) const override {
    return std::optional<PathFacts>();
  }
  Result<std::optional<PathFacts>> look_through(const std::string& /*path*/) const override {
    return std::optional<PathFacts>();
  }
};

}  // namespace

Result<std::shared_ptr<const PolicySet>> make_set(const RepairRules& rules) {
  const KnownUsers users(KnownAccounts::parse(rules.accounts));
  const auto loaded = load_again(rules.texts, rules.generation, users, NoFiles());
  if (!loaded.set) return Error("the repair process finds mistakes in valid policies");
  if (loaded.set->identity() != rules.identity)
    return Error("the repair process reads the policies in another way");
  if (rules.excuses.empty()) return loaded.set;
  return std::make_shared<const PolicySet>(loaded.set->paused(rules.excuses));
}

// ---- orders

void write_order(ContentsWriter& out, const RepairOrder& order, std::uint64_t set) {
  out.number(order.number);
  out.number(set);
  out.number(order.tree);
  out.text(order.path);
  write_flag(out, order.look);
  write_id(out, order.directory);
  write_id(out, order.object);
  write_enum(out, order.operation);
  write_flag(out, order.subject.has_value());
  if (order.subject) {
    write_flag(out, order.subject->user.has_value());
    out.number(order.subject->user.value_or(Uid()).value);
    write_flag(out, order.subject->is_ignored);
  }
  write_flag(out, order.is_excused);
  write_flag(out, order.war);
}

std::optional<std::vector<RepairOrder>> read_orders(std::string_view contents,
                                                    const SetOfNumber& set_of) {
  return read_all<RepairOrder>(contents, [&](ContentsReader& in) -> std::optional<RepairOrder> {
    RepairOrder order;
    order.number = in.number<std::uint64_t>();
    order.set = set_of(in.number<std::uint64_t>());
    order.tree = in.number<std::uint32_t>();
    order.path = in.text(kMostPath);
    order.look = in.flag();
    order.directory = read_id(in);
    order.object = read_id(in);
    const auto operation = read_enum<Operation>(in);
    if (in.flag()) {
      Standing subject;
      const bool has_user = in.flag();
      const Uid user{in.number<decltype(Uid::value)>()};
      if (has_user) subject.user = user;
      subject.is_ignored = in.flag();
      order.subject = subject;
    }
    order.is_excused = in.flag();
    order.war = in.flag();
    if (!operation || !is_tree_of(order.set, order.tree)) return std::nullopt;
    order.operation = *operation;
    return order;
  });
}

std::string write_scan_order(const ScanOrder& order, std::uint64_t set) {
  ContentsWriter out;
  out.number(order.number);
  out.number(set);
  out.number(order.tree);
  out.text(order.file_system);
  return out.take();
}

std::optional<ScanOrder> read_scan_order(std::string_view contents, const SetOfNumber& set_of) {
  ContentsReader in(contents);
  ScanOrder order;
  order.number = in.number<std::uint64_t>();
  order.set = set_of(in.number<std::uint64_t>());
  order.tree = in.number<std::uint32_t>();
  order.file_system = in.text(kLongestId);
  if (!in.is_whole() || !is_tree_of(order.set, order.tree)) return std::nullopt;
  return order;
}

void write_files_left_alone(ContentsWriter& out, const FileVersion& file) {
  write_id(out, file.object);
  out.number(file.changed);
}

std::optional<std::vector<FileVersion>> read_files_left_alone(std::string_view contents) {
  return read_all<FileVersion>(contents, [](ContentsReader& in) {
    FileVersion file;
    file.object = read_id(in);
    file.changed = in.number<std::int64_t>();
    return std::optional(std::move(file));
  });
}

// ---- results

void write_report(ContentsWriter& out, const OrderReport& report) {
  out.number(report.order);
  out.text(report.path);
  write_outcome(out, report.outcome);
  out.text(std::string_view(report.trouble).substr(0, kMostError));
  write_flag(out, report.is_end);
}

std::optional<std::vector<OrderReport>> read_reports(std::string_view contents,
                                                     const PolicyOfOrder& policy_of) {
  return read_all<OrderReport>(contents, [&](ContentsReader& in) -> std::optional<OrderReport> {
    OrderReport report;
    report.order = in.number<std::uint64_t>();
    report.path = in.text(kMostPath);
    const auto* policy = policy_of(report.order);
    if (!policy || !read_outcome(in, *policy, report.path, report.outcome)) return std::nullopt;
    report.trouble = in.text(kMostError);
    report.is_end = in.flag();
    return report;
  });
}

void write_finding(ContentsWriter& out, const ScanFinding& finding) {
  out.number(finding.order);
  write_flag(out, finding.is_end);
  if (finding.is_end) {
    write_flag(out, finding.is_complete);
    out.number(finding.objects);
    out.number(finding.began.time_since_epoch().count());
    return;
  }
  out.text(finding.path);
  write_outcome(out, finding.outcome);
  write_id(out, finding.object);
  out.number(static_cast<std::uint32_t>(finding.files.count()));
  out.text(finding.files.bytes());
}

std::optional<std::vector<ScanFinding>> read_findings(std::string_view contents,
                                                      const OrderOfNumber& order_of) {
  return read_all<ScanFinding>(contents, [&](ContentsReader& in) -> std::optional<ScanFinding> {
    ScanFinding finding;
    finding.order = in.number<std::uint64_t>();
    const auto* order = order_of(finding.order);
    if (!order) return std::nullopt;
    finding.set = order->set;
    finding.tree = order->tree;
    finding.is_end = in.flag();
    if (finding.is_end) {
      finding.is_complete = in.flag();
      finding.objects = in.number<std::uint64_t>();
      finding.began = SteadyTime(SteadyTime::duration(in.number<SteadyTime::rep>()));
      return finding;
    }
    finding.path = in.text(kMostPath);
    const auto& policy = order->set->policy_of(order->set->trees()[order->tree]);
    if (!read_outcome(in, policy, finding.path, finding.outcome)) return std::nullopt;
    finding.object = read_id(in);
    const auto count = in.number<std::uint32_t>();
    finding.files = copy_of(in.text(kMostText), order->path(), count);
    if (finding.files.count() != count) return std::nullopt;
    return finding;
  });
}

std::string write_paths(const std::vector<std::string>& paths) {
  ContentsWriter out;
  for (const auto& path : paths) out.text(path);
  return out.take();
}

std::optional<std::vector<std::string>> read_paths(std::string_view contents) {
  return read_all<std::string>(
      contents, [](ContentsReader& in) { return std::optional(in.text(kMostPath)); });
}

}  // namespace guard
