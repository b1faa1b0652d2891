// An adversary of the model test: a process with the ids of an unprivileged user, which does what
// it is asked to. It ends with the test.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "policy/base/handle.h"
#include "tests/model/script.h"

namespace guard::test {

// What a file server is: root, except for the file system ids of the thread that acts.
enum class AdversaryKind { kUser, kFileServer, kLinker };

class Adversary {
 public:
  // A linker may link files of others, as every user may with fs.protected_hardlinks = 0.
  Adversary(AdversaryKind kind, uid_t user, const std::string& directory);
  ~Adversary();

  Adversary(const Adversary&) = delete;
  Adversary& operator=(const Adversary&) = delete;

  // The error number of the act.
  int act(const Step& step);
  // Opens the file and keeps it open, with a lease if it can have one. Returns "DEVICE:INODE", or
  // nothing if it cannot open the file.
  std::string hold(const std::string& path);
  struct Sight {
    std::string path;
    std::string text;
  };
  // Everything of root's that it can read below its directory.
  std::vector<Sight> look();
  // Ends its loops and closes what it holds.
  void stop();

 private:
  std::vector<std::string> ask(const std::string& request);

  Fd socket_;
  pid_t pid_ = -1;
};

}  // namespace guard::test
