// Makes a report: the totals of a period from the audit trail. One thread; its memory does not grow
// with the trail.
#pragma once

#include <cstddef>
#include <stop_token>
#include <string>

#include "guardd/audit/search.h"
#include "policy/record/report.h"

namespace guard {

// `most`: the number of rows of each table.
Result<Report> make_report(const std::string& trail, const RecordFilter& filter, std::size_t most,
                           const std::stop_token& stop);

}  // namespace guard
