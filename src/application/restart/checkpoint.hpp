#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "application/report/stages.hpp"
#include "application/restart/data_files.hpp"
#include "application/restart/kept_state.hpp"
#include "kronwerk/communication/communicator.hpp"
#include "kronwerk/configuration/job.hpp"
#include "kronwerk/io/files/result_file.hpp"

namespace kronwerk::application {

/// What a job has done so far, in a folder beside its result ("results/out.h5.state") until that is
/// there, so that the same command goes on after a kill: whatever a task has set here, the finished
/// part of its result, and vectors it works on. What is kept is replaced at once, so that a kill at
/// any moment leaves what was kept before; it belongs to one configuration and the data read.
///
/// Where nothing may be kept (a repeat, a point of a sweep) everything here does nothing.
class Checkpoint {
 public:
  /// Local.
  /// @param comm, job, stages  must outlive this
  Checkpoint(const communication::Communicator& comm, const configuration::Job& job,
             Stages& stages);
  /// One that keeps nothing. Local.
  static Checkpoint none(const communication::Communicator& comm, const configuration::Job& job,
                         Stages& stages);

  /// Takes up what an earlier run of this job has kept, if there is something; what belongs to
  /// another configuration or version is left alone until it is replaced, and said to be there. To
  /// be called once nobody else can write the result. Collective.
  /// @param file  the job's result; must outlive this
  /// @throws DataError if the data have changed since
  void open(io::ResultFile& file);
  /// Whether something was taken up.
  bool resumes() const noexcept { return resumes_; }
  /// Prints and remembers with what the job goes on: "12 of 40 right-hand sides".
  void goes_on_with(const std::string& what);
  /// What was said by goes_on_with(); empty if nothing.
  const std::string& resumed() const noexcept { return resumed_; }

  /// Whether anything set here may be of use.
  bool keeps() const noexcept { return active(); }
  /// What is set, on every rank alike; nullptr if it is not. Local.
  const std::vector<double>* numbers(const std::string& name) const;
  const std::string* text(const std::string& name) const;
  void set(const std::string& name, std::vector<double> values);
  void set_text(const std::string& name, std::string value);

  /// Whether there is a vector of this name and size. Local.
  bool has_vector(const std::string& name, core::Index size) const;
  /// This rank's values from position `offset` on. Collective.
  void read_vector(const std::string& name, core::Index offset, std::span<double> values) const;
  /// Writes it; kept by the next save(). Collective.
  void set_vector(const std::string& name, core::Index size, core::Index offset,
                  std::span<const double> values);
  void erase_vectors();

  /// The part of the result that was there; null if none was. It has to be taken over before
  /// anything is set.
  const io::HeldResult* result() const;
  /// From now on, what was written to the result is kept with all else.
  void keep_result() noexcept { with_result_ = true; }

  /// What saving costs: small changes are saved as often as that takes no hundredth of the time,
  /// large ones at most so often unless the job says how often.
  enum class Cost { small, large };
  /// Whether it is time to save by this rank's clock. Local.
  bool overdue(Cost cost) const;
  /// Whether it is time to save. Collective.
  bool due(Cost cost);
  /// The part of due() that can be merged into a reduction: true on some rank. Local.
  bool due_here(Cost cost) const;
  /// Collective. @throws ResourceError on a full disk, which leaves what was kept before
  void save();
  void save_if_due(Cost cost) {
    if (due(cost)) stages_->run("checkpoint", [this] { save(); });
  }
  /// For a job that is being terminated: saves what has changed, and says in words where it is;
  /// empty if nothing is kept. Collective.
  std::string save_at_end();

  /// A file in the folder, which is made if need be; serial.
  std::string file(const std::string& name) const { return folder_ + "/" + name; }
  const std::string& folder() const noexcept { return folder_; }
  /// Removes the files of the folder whose names begin so. Collective.
  void remove_files(const std::string& prefix) const;
  /// Removes all of it, once the result is there or can never be. Collective.
  void remove();

 private:
  bool active() const noexcept { return enabled_ && !stages_->runs_again(); }
  std::string journal() const { return file("journal"); }
  std::string read_journal(std::string& problem) const;
  bool result_is_there(const KeptState& found) const;
  void remove_unused() const;
  std::string new_name(const char* kind);

  const communication::Communicator* comm_;
  const configuration::Job* job_;
  Stages* stages_;
  std::string folder_;
  bool enabled_ = true;
  io::ResultFile* file_ = nullptr;
  KeptState state_;
  std::optional<io::HeldResult> found_result_;
  DataFiles data_;           ///< on rank 0
  std::int64_t count_ = 0;   ///< of names given
  std::string result_name_;  ///< of the result while it is held; empty before
  bool with_result_ = false;
  bool resumes_ = false;
  bool changed_ = false;
  bool saved_ = false;
  std::string resumed_;
  double last_ = 0;  ///< when it was saved, or when the job began
  double cost_ = 0;  ///< seconds that the last save() took
};

}  // namespace kronwerk::application
