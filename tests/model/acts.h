// What the actors of the model test do to files, by path, relative to the working directory. An act
// returns 0 or the error number: many acts of a random script fail, and that is fine.
#pragma once

#include <sys/types.h>

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "policy/base/handle.h"

namespace guard::test {

constexpr uid_t kService = 4242;
constexpr uid_t kOtherUser = 4343;
constexpr gid_t kForeignGroup = 5555;  // of which neither is a member

// Opens never wait: neither for a FIFO nor for the holder of a lease.
Fd open_now(const std::string& path, int flags, mode_t mode = 0);

unsigned number(const std::string& word);     // decimal
mode_t mode_number(const std::string& word);  // octal
std::string directory_of(const std::string& path);
std::string leaf_of(const std::string& path);

// The text at the beginning of a file if it is one of root's; else empty.
constexpr std::string_view kSecret = "secret-";
std::string secret_text(int file);

// Calls for each file below that can be opened for reading: with its path and its descriptor.
// Directories and files that cannot be opened are passed over.
using Visit = std::function<void(const std::string& path, int file)>;
void visit_files(const std::string& path, const Visit& visit);

// The acts that everybody does in the same way. ENOSYS: it is none of them.
int common_act(const std::vector<std::string>& words);

// Grants both adversaries everything.
int set_access_list(const std::string& path, const char* attribute);

}  // namespace guard::test
