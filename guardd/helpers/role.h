// What a helper process is for, and its side of the work: it drops every right that its role does
// not need, and then answers one question after the other until guardd closes the channel. Runs as
// the whole of its process.
#pragma once

#include <sys/resource.h>

#include <functional>
#include <span>
#include <string_view>

#include "guardd/helpers/record.h"

namespace guard {

struct HelperRole {
  const char* name;  // of the process, as ps and systemctl status show it; at most 15 characters
  std::span<const int> capabilities;
  std::span<const int> calls;  // the system calls it may use besides kCommonCalls
  rlim_t most_descriptors = 256;
};

// The channel of a helper process.
inline constexpr int kHelperSocket = 3;

// Sends a part of the answer.
using SendPart = std::function<void(std::string contents, bool is_last)>;
// Answers one question. Sends one part at least, and the last one last.
using AnswerQuestion = std::function<void(const HelperRecord& question, const SendPart& send)>;

// The first record of a helper: it is ready for questions.
inline constexpr std::uint64_t kReadyNumber = 0;

// Both return the exit status, if the process cannot become a helper, and end it otherwise, once
// guardd has closed the channel. The first one works until then, after it was said to be ready.
int run_as_helper(const HelperRole& role, const std::function<void()>& work);
int serve_as_helper(const HelperRole& role, const AnswerQuestion& answer);

}  // namespace guard
