// Root in the model test: what a person does by accident in somebody's tree, and the keeping of
// secrets. Does each act in a process of its own, as a command would, and notes which secrets it
// gives away.
//
// An act by path may lead anywhere: the service moves directories meanwhile. So the place of an act
// is taken from the descriptor of the directory, before and after it, and where the two differ, or
// where a race is on that could have changed it and back, the act counts as one that gives away.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "policy/base/handle.h"
#include "tests/model/script.h"
#include "tests/model/secrets.h"

namespace guard::test {

class Root {
 public:
  explicit Root(Secrets& secrets) : secrets_(secrets) {}

  // The error number. Besides the acts of acts.h:
  //   create P MODE   a file of root's with a text of its own
  //   adopt P         makes another user's file root's and private, and writes a secret into it
  //   own P           chown root P
  //   clone P         a directory with files in it, as git does; with umask 077
  //   fill P N        files P.0, P.1 …
  int act(const Step& step);
  // A directory and files that the service must get: their names.
  std::vector<std::string> make_probe(const std::string& path);

  // An adversary has it open: it reads what is written into it from now on.
  void is_held(const std::string& inode) { held_.insert(inode); }
  void forget_held() { held_.clear(); }
  // Whether names may change, and change back, while root acts.
  void set_racing(bool is_racing) { is_racing_ = is_racing; }

 private:
  // A name in a directory that is held open.
  struct Name {
    explicit Name(const std::string& path);
    std::string where() const;  // its path now
    std::string path;           // as given
    Fd directory;
    std::string leaf;
  };

  int act_here(const Step& step);
  int create(const std::string& path, mode_t mode, bool is_tmpfile);
  int adopt(const std::string& path);
  int own(const std::string& path);
  int change_mode(const std::string& path, const std::string& mode);
  int clone(const std::string& path);
  int fill(const std::string& path, unsigned count);
  int move(const Step& step, unsigned flags);
  int link(const std::string& from, const std::string& to);

  bool may_have_changed(const Name& name, const std::string& before) const;
  void note_move(const std::vector<std::string>& texts, const Name& from, const Name& to,
                 const std::string& from_before, const std::string& to_before, bool is_directory);

  Secrets& secrets_;
  std::set<std::string> held_;
  bool is_racing_ = false;
};

}  // namespace guard::test
