// The form of questions and answers on the channel to inquiry helpers. Pure.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "guardd/helpers/record.h"
#include "guardd/who/inquiry.h"

namespace guard {

void write_wanted(ContentsWriter& out, const std::vector<WantedProcess>& wanted);
std::vector<WantedProcess> read_wanted(ContentsReader& in);

void write_facts(ContentsWriter& out, const ProcessFacts& facts);
ProcessFacts read_facts(ContentsReader& in);

void write_ids(ContentsWriter& out, const Snapshot& process);
Snapshot read_ids(ContentsReader& in);

void write_container(ContentsWriter& out, const std::optional<KnownContainer>& container);

void write_account(ContentsWriter& out, const KnownAccount& account);
void write_path(ContentsWriter& out, const PathState& state);

void write_hints(ContentsWriter& out, const Hints& hints);

// What the contents of an answer say; nothing: they are no answer to that question.
std::optional<std::vector<std::optional<ProcessFacts>>> parse_processes(std::string_view contents,
                                                                        std::size_t wanted);
std::optional<std::vector<KnownProcess>> parse_all_processes(std::string_view contents);
std::optional<InodeId> parse_executable(std::string_view contents);
std::optional<Hints> parse_hints(std::string_view contents);
std::optional<std::string> parse_name(std::string_view contents);
std::optional<KnownContainer> parse_container(std::string_view contents);
std::optional<KnownAccount> parse_account(std::string_view contents);
std::optional<PathState> parse_path(std::string_view contents);
std::optional<std::uint64_t> parse_word(std::string_view contents);

}  // namespace guard
