// The work of a helper for opens: it changes files, and may wait for their file systems. Runs in a
// process of its own; see main.cc.
#pragma once

#include "guardd/helpers/process.h"
#include "guardd/permission/open_questions.h"
#include "policy/base/result.h"

namespace guard {

extern const HelperRole kOpenRole;

// Hands the file over, unless it is no longer new.
Status fix_new_file(int file, const NewFileFix& fix);
// Removes the file by the name it was made with, if the name still means it and it is still empty.
// Something must hold it open, so that no other file can have its inode number. Acts as the owner.
Status remove_made_file(const MadeFileRemoval& removal);

// Runs until guardd closes the channel. Returns the exit status.
int serve_opens();
Result<HelperProcess> start_open_helper();

}  // namespace guard
