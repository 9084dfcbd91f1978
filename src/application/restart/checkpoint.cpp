#include "application/restart/checkpoint.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <set>
#include <system_error>

#include "application/command_line/version.hpp"
#include "kronwerk/core/digest.hpp"
#include "kronwerk/core/interruption.hpp"
#include "kronwerk/io/files/vector_file.hpp"
#include "kronwerk/io/files/whole_file.hpp"

namespace kronwerk::application {
namespace {

namespace fs = std::filesystem;

// Between two savings, unless the job says it.
constexpr double usual_seconds = 300;
// The seconds between two savings for each second that one takes, so that it is a hundredth.
constexpr double hundredth = 100;
// Where the number of names is kept that were given.
constexpr const char* names = "names";

bool begins_with(const std::string& name, const std::vector<std::string>& beginnings) {
  return std::ranges::any_of(beginnings,
                             [&](const std::string& each) { return name.starts_with(each); });
}

/// Removes files of `folder` for which `unwanted` is true; failures do not matter.
template <typename Unwanted>
void remove_from(const std::string& folder, const Unwanted& unwanted) {
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(folder, ignored)) {
    if (!entry.is_regular_file(ignored)) continue;
    if (unwanted(entry.path().filename().string())) fs::remove(entry.path(), ignored);
  }
}

}  // namespace

Checkpoint::Checkpoint(const communication::Communicator& comm, const configuration::Job& job,
                       Stages& stages)
    : comm_(&comm),
      job_(&job),
      stages_(&stages),
      folder_(job.output.file + ".state"),
      last_(MPI_Wtime()) {
  state_.version = version();
  state_.configuration = core::digest(job.text);
}

Checkpoint Checkpoint::none(const communication::Communicator& comm, const configuration::Job& job,
                            Stages& stages) {
  Checkpoint checkpoint(comm, job, stages);
  checkpoint.enabled_ = false;
  return checkpoint;
}

void Checkpoint::open(io::ResultFile& file) {
  file_ = &file;
  std::string problem;
  std::string text;
  communication::on_root(*comm_, [&] {
    // Before anything is read; what cannot be looked at will be said by who reads it.
    try {
      data_.glance(*job_);
    } catch (const core::Error&) {
      enabled_ = false;
    }
    text = read_journal(problem);
    for (const char* earlier : {".fit", ".sweep"}) {
      if (!problem.empty() || !fs::exists(job_->output.file + earlier)) continue;
      problem = fmt::format(
          "{}{}: is the state of a job of an earlier version of kronwerk, which is not read any "
          "more; remove it",
          job_->output.file, earlier);
    }
  });
  enabled_ = !comm_->any(!enabled_);
  if (!problem.empty()) stages_->warn(problem);
  text = comm_->broadcast(std::move(text));
  if (text.empty() || !enabled_) return;
  state_ = *parse_state(text);
  if (!state_.result.file.empty()) {
    found_result_ = state_.result;
    found_result_->file = this->file(state_.result.file);
  }
  if (const auto* given = numbers(names)) count_ = static_cast<std::int64_t>(given->at(0));
  resumes_ = true;
}

/// The journal's text if it is one that this job goes on with; else empty, with what is wrong.
std::string Checkpoint::read_journal(std::string& problem) const {
  if (!fs::exists(journal())) return {};
  std::string text = io::read_whole(journal());
  const auto found = parse_state(text);
  if (!found || found->version != state_.version) {
    problem = fmt::format(
        "{}: was written by another version of kronwerk or is damaged; the job "
        "begins anew",
        folder_);
    return {};
  }
  if (found->configuration != state_.configuration) {
    problem = fmt::format("{}: belongs to another configuration; the job begins anew", folder_);
    return {};
  }
  const std::string changed = data_.find_changed(found->data);
  if (!changed.empty()) {
    throw core::DataError(fmt::format(
        "{}: has changed since the job that is to go on was ended; put the old file back, or "
        "remove {} to begin anew",
        changed, folder_));
  }
  if (!result_is_there(*found)) {
    problem = fmt::format("{}: a part of it is missing; the job begins anew", folder_);
    return {};
  }
  return text;
}

bool Checkpoint::result_is_there(const KeptState& found) const {
  std::error_code error;
  bool there = found.result.file.empty() || fs::is_regular_file(file(found.result.file), error);
  for (const auto& [name, vector] : found.vectors) {
    there = there && fs::is_regular_file(file(vector.file), error);
  }
  return there;
}

void Checkpoint::goes_on_with(const std::string& what) {
  if (!active()) return;
  resumed_ += (resumed_.empty() ? "" : ", ") + what;
  stages_->print(fmt::format("            goes on from {} with {}", folder_, what));
}

const std::vector<double>* Checkpoint::numbers(const std::string& name) const {
  const auto found = state_.numbers.find(name);
  return !active() || found == state_.numbers.end() ? nullptr : &found->second;
}

const std::string* Checkpoint::text(const std::string& name) const {
  const auto found = state_.texts.find(name);
  return !active() || found == state_.texts.end() ? nullptr : &found->second;
}

void Checkpoint::set(const std::string& name, std::vector<double> values) {
  if (!active()) return;
  state_.numbers[name] = std::move(values);
  changed_ = true;
}

void Checkpoint::set_text(const std::string& name, std::string value) {
  if (!active()) return;
  state_.texts[name] = std::move(value);
  changed_ = true;
}

bool Checkpoint::has_vector(const std::string& name, core::Index size) const {
  const auto found = state_.vectors.find(name);
  return active() && found != state_.vectors.end() && found->second.size == size;
}

void Checkpoint::read_vector(const std::string& name, core::Index offset,
                             std::span<double> values) const {
  const KeptState::Vector& vector = state_.vectors.at(name);
  io::read_vector_file(*comm_, file(vector.file), vector.size, offset, values);
}

void Checkpoint::set_vector(const std::string& name, core::Index size, core::Index offset,
                            std::span<const double> values) {
  if (!active()) return;
  const core::Uninterrupted saving;
  const double begin = MPI_Wtime();
  const std::string next = new_name("vector");
  communication::on_root(*comm_, [&] { fs::create_directories(folder_); });
  io::write_vector_file(*comm_, file(next), size, offset, values);
  state_.vectors[name] = {next, size};
  changed_ = true;
  cost_ = MPI_Wtime() - begin;
}

void Checkpoint::erase_vectors() {
  if (!active() || state_.vectors.empty()) return;
  state_.vectors.clear();
  changed_ = true;
}

const io::HeldResult* Checkpoint::result() const {
  return active() && found_result_ ? &*found_result_ : nullptr;
}

bool Checkpoint::due_here(Cost cost) const {
  return comm_->is_root() && overdue(cost);
}

bool Checkpoint::overdue(Cost cost) const {
  if (!active()) return false;
  const double rarely = hundredth * cost_;
  const double every = job_->checkpoint_seconds.value_or(std::max(usual_seconds, rarely));
  return MPI_Wtime() - last_ >= (cost == Cost::small ? std::min(every, rarely) : every);
}

bool Checkpoint::due(Cost cost) {
  return active() && comm_->any(due_here(cost));
}

std::string Checkpoint::new_name(const char* kind) {
  ++count_;
  state_.numbers[names] = {static_cast<double>(count_)};
  return fmt::format("{}-{}", kind, count_);
}

void Checkpoint::save() {
  if (!active()) return;
  const core::Uninterrupted saving;
  const double begin = MPI_Wtime();
  std::string changed;
  communication::on_root(*comm_, [&] {
    fs::create_directories(folder_);
    try {
      if (state_.data.empty()) state_.data = data_.identify();
    } catch (const core::DataError& error) {
      changed = error.what();
      enabled_ = false;
    }
  });
  if (comm_->any(!enabled_)) {
    enabled_ = false;
    stages_->warn(fmt::format(
        "{}: changed while the job read it, which therefore keeps nothing to go on from", changed));
    return;
  }
  if (with_result_) {
    if (result_name_.empty()) result_name_ = new_name("result") + ".h5";
    state_.result = file_->hold(file(result_name_));
    state_.result.file = result_name_;
  }
  communication::on_root(*comm_, [&] {
    io::write_whole(journal(), to_text(state_));
    remove_unused();
  });
  changed_ = false;
  saved_ = true;
  last_ = MPI_Wtime();
  cost_ = std::max(cost_, last_ - begin);
}

std::string Checkpoint::save_at_end() {
  if (changed_) save();
  if (!enabled_ || !(saved_ || resumes_)) return {};
  return fmt::format("; what was finished is kept in {}, and the same command goes on there",
                     folder_);
}

/// What no journal names any more, and what killed jobs left.
void Checkpoint::remove_unused() const {
  std::set<std::string> used{state_.result.file};
  for (const auto& [name, vector] : state_.vectors) used.insert(vector.file);
  remove_from(folder_, [&](const std::string& name) {
    return begins_with(name, {"result-", "vector-", "journal."}) && !used.contains(name);
  });
}

void Checkpoint::remove_files(const std::string& prefix) const {
  communication::on_root(*comm_, [&] {
    remove_from(folder_, [&](const std::string& name) {
      return name.starts_with(prefix) || name.starts_with("." + prefix);
    });
  });
}

/// Nothing that jobs have not put there; a folder with other files stays.
void Checkpoint::remove() {
  changed_ = false;
  communication::on_root(*comm_, [&] {
    // The journal first: without it the rest means nothing.
    std::error_code ignored;
    fs::remove(journal(), ignored);
    remove_from(folder_, [&](const std::string& name) {
      return begins_with(name, {"journal", "result-", "vector-", "point-", ".point-"});
    });
    fs::remove(folder_, ignored);
  });
}

}  // namespace kronwerk::application
