// A buffer of fanotify events, as read(2) fills it: nothing outside of an event is read, and
// everything that is found lies inside it. Input: the buffer.
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdint>
#include <cstring>
#include <string_view>
#include <vector>

#include "guardd/sources/fanotify_event.h"
#include "tests/fuzz/require.h"

namespace {

using guard::fuzz::require;

bool closes_for_real = true;

void check_inside(std::string_view part, const std::vector<char>& event) {
  if (part.empty()) return;
  require(part.data() >= event.data() && part.data() + part.size() <= event.data() + event.size(),
          "outside of the event");
  require(part.find('\0') == part.npos, "a name with a NUL", part);
}

// In memory of the size of the event, so that the sanitizer detects reads beyond it.
void check(const fanotify_event_metadata& data, const char* begin) {
  const std::vector<char> copy(begin, begin + data.event_len);
  const auto event = guard::FanotifyEvent::parse(data, copy.data());
  check_inside(event.name, copy);
  check_inside(event.old_name, copy);
  for (const auto* id : {&event.parent, &event.old_parent, &event.object})
    require(id->bytes().size() <= copy.size(), "a handle that is longer than the event");
  require(event.mask == data.mask && event.pid == data.pid, "another event");
}

}  // namespace

// The descriptors of processes in the input are not those of anything.
extern "C" int close(int fd) {
  return closes_for_real ? static_cast<int>(::syscall(SYS_close, fd)) : 0;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view rest(reinterpret_cast<const char*>(data), size);
  closes_for_real = false;
  while (rest.size() >= sizeof(fanotify_event_metadata)) {
    fanotify_event_metadata event{};
    std::memcpy(&event, rest.data(), sizeof event);
    if (event.event_len < sizeof event || event.event_len > rest.size()) break;
    check(event, rest.data());
    rest.remove_prefix(event.event_len);
  }
  closes_for_real = true;
  return 0;
}
