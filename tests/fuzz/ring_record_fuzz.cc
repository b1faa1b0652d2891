// Records from the rings of the LSM programs and of the tracer. Whatever the bytes: nothing outside
// of a record is read, what it becomes can be written as JSON, and the table of processes keeps its
// bounds. Input: records. Each begins with a byte that says which kind it is and whether it is
// whole; the bytes of a whole one are patches of a record of zeros, each with its place.
#include <array>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "bpf/events.h"
#include "guardd/publish/json_line.h"
#include "guardd/sources/lsm_notice.h"
#include "guardd/who/describe.h"
#include "guardd/who/process_table.h"
#include "guardd/who/traced_process.h"
#include "tests/fuzz/input.h"
#include "tests/fuzz/require.h"

namespace {

using guard::fuzz::Input;
using guard::fuzz::require;

struct RecordKind {
  std::uint32_t kind;
  std::size_t size;
};
constexpr std::array<RecordKind, 9> kKinds{{{guard::kRecordFork, sizeof(guard::TracedFork)},
                                            {guard::kRecordExec, sizeof(guard::TracedExec)},
                                            {guard::kRecordExit, sizeof(guard::TracedExit)},
                                            {guard::kRecordCgroup, sizeof(guard::TracedCgroup)},
                                            {guard::kRecordEvent, sizeof(guard::ShallowEvent)},
                                            {guard::kRecordDeepEvent, sizeof(guard::DeepEvent)},
                                            {guard::kRecordMove, sizeof(guard::ShallowMove)},
                                            {guard::kRecordDeepMove, sizeof(guard::DeepMove)},
                                            {guard::kRecordClose, sizeof(guard::CloseRecord)}}};
constexpr std::uint8_t kCut = 0x80;
constexpr std::size_t kMostPatches = 16;
constexpr int kMostRecords = 24;

std::vector<char> next_record(Input& input) {
  const auto first = input.number<std::uint8_t>();
  const auto& [kind, whole] = kKinds.at((first & ~kCut) % kKinds.size());
  std::vector<char> record(whole);
  std::memcpy(record.data(), &kind, sizeof kind);
  for (auto patches = input.number<std::uint8_t>() % kMostPatches; patches > 0; --patches) {
    const auto at = sizeof kind + input.number<std::uint16_t>() % (whole - sizeof kind);
    const auto bytes = input.text();
    std::memcpy(record.data() + at, bytes.data(), std::min(bytes.size(), whole - at));
  }
  if ((first & kCut) != 0) record.resize(input.number<std::uint16_t>() % whole);
  record.shrink_to_fit();  // so that the sanitizer detects reads beyond it
  return record;
}

void check_json(const guard::Violation& violation) {
  guard::JsonLine json("violation");
  guard::each_field(violation, guard::FieldSet().set(),
                    [&](std::string_view name, const auto& value) { json.field(name, value); });
  const auto line = std::move(json).finish();
  require(line.size() <= guard::kLongestJsonLine && guard::is_utf8(line), "not a line", line);
  require(line.find('\n') == line.size() - 1, "several lines", line);
}

class Listener : public guard::LsmListener {
 public:
  void on_event(const guard::LsmEvent& event) noexcept override {
    require(event.path.size() <= sizeof(guard::ManyNames::names), "a long path", event.path);
    require(event.path.find('\0') == event.path.npos, "a path with a NUL", event.path);
    // The words of records are those of the programs.
    if (event.what.operation >= guard::Words<guard::Operation>::kAll.size() ||
        event.what.guard >= guard::Words<guard::Guard>::kAll.size())
      return;
    const auto notice = guard::notice_of(event);
    require(notice.name.find('/') == notice.name.npos, "not a name", notice.name);
    check_json(guard::violation_of(event));
  }
  void on_close(const guard::CloseRecord& /*closed*/) noexcept override {}
};

// The table, and the conversions that it leaves out.
class Tracer : public guard::TracerListener {
 public:
  static constexpr std::size_t kMost = 8;

  guard::ProcessTable& table() { return table_; }
  void on_fork(const guard::TracedFork& record) noexcept override {
    last_ = record.process;
    table_.on_fork(record);
  }
  void on_exec(const guard::TracedExec& record) noexcept override {
    last_ = record.process;
    const auto image = guard::image_of(record);
    require(!image.exe || image.exe->starts_with('/'), "not an absolute path");
    require(!image.cmdline || image.cmdline->find('\0') == std::string::npos, "a NUL");
    table_.on_exec(record);
  }
  void on_exit(const guard::TracedExit& record) noexcept override {
    last_ = record.process;
    table_.on_exit(record);
  }
  void on_cgroup(const guard::TracedCgroup& record) noexcept override { table_.on_cgroup(record); }

  void check() {
    require(table_.living().size() <= kMost, "too many processes");
    const auto* entry = table_.find(last_.pid, last_.time);
    if (!entry) return;
    guard::Violation violation;
    violation.actor = guard::describe(entry->now, entry->lineage.get(), sessions_);
    check_json(violation);
  }

 private:
  guard::ProcessTable table_{{kMost, kMost, std::chrono::seconds(60)}, "/dev/null"};
  guard::Sessions sessions_{"/dev/null"};
  guard::TracedProcess last_{};
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Input input(data, size);
  Listener listener;
  Tracer tracer;
  for (int i = 0; i < kMostRecords && !input.at_end(); ++i) {
    const auto record = next_record(input);
    guard::deliver({record.data(), record.size()}, listener);
    guard::deliver({record.data(), record.size()}, tracer);
    tracer.check();
  }
  return 0;
}
