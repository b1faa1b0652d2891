// What inquiry helpers answer, and what they are asked, read as each kind: a helper may be under
// the control of the process that it reads. Input: the kind in one byte, then the packet.
#include <cstdint>
#include <string>
#include <string_view>

#include "guardd/helpers/record.h"
#include "guardd/who/inquiry_form.h"
#include "tests/fuzz/input.h"
#include "tests/fuzz/require.h"

namespace {

using guard::fuzz::require;

void check(const guard::ProcessFacts& facts, std::string_view contents) {
  require(facts.comm.size() <= contents.size(), "a name from nowhere", contents);
  require(!facts.cwd || facts.cwd->size() <= contents.size(), "a path from nowhere", contents);
  if (facts.image && facts.image->cmdline)
    require(facts.image->cmdline->size() < 1024, "a long command line", contents);
}

// What was read is written as it was, except flags that are not known here.
void check_again(const guard::ProcessFacts& facts, std::string_view contents) {
  guard::ContentsWriter out;
  guard::write_facts(out, facts);
  const auto written = out.take();
  guard::ContentsReader in(written);
  const auto again = guard::read_facts(in);
  require(in.is_whole() && again.comm == facts.comm && again.cwd == facts.cwd &&
              again.cgroup == facts.cgroup && !again.image == !facts.image,
          "another after writing", contents);
}

void check_contents(unsigned kind, std::string_view contents) {
  switch (kind % 9) {
    case 0:
      for (std::size_t wanted = 0; wanted <= guard::kMostWantedProcesses; ++wanted) {
        const auto all = guard::parse_processes(contents, wanted);
        require(!all || all->size() == wanted, "more than was asked for", contents);
        if (!all) continue;
        for (const auto& facts : *all) {
          if (facts) check(*facts, contents);
          if (facts) check_again(*facts, contents);
        }
      }
      return;
    case 1:
      if (const auto all = guard::parse_all_processes(contents))
        for (const auto& [ids, facts] : *all) {
          require(ids.pid > 0, "a number that is none", contents);
          check(facts, contents);
        }
      return;
    case 2:
      return (void)guard::parse_executable(contents);
    case 3:
      return (void)guard::parse_hints(contents);
    case 4:
      return (void)guard::parse_name(contents);
    case 5:
      return (void)guard::parse_word(contents);
    case 6:
      if (const auto known = guard::parse_account(contents))
        require(4 * known->groups.size() <= contents.size(), "groups from nowhere", contents);
      return;
    case 7:
      if (const auto state = guard::parse_path(contents))
        require(state->path.starts_with('/'), "a path that is none", contents);
      return;
    default: {
      guard::ContentsReader in(contents);
      require(guard::read_wanted(in).size() <= guard::kMostWantedProcesses, "too many", contents);
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  guard::fuzz::Input input(data, size);
  const auto kind = input.number<std::uint8_t>();
  const auto packet = input.rest();
  check_contents(kind, packet);
  if (const auto record = guard::parse_record(packet)) {
    require(record->contents.size() < packet.size(), "more than the packet", packet);
    check_contents(kind, record->contents);
  }
  return 0;
}
