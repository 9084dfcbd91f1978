#pragma once

// Runs random jobs through the application layer, in this process, on all ranks.

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "adversary/jobs/job.hpp"
#include "kronwerk/communication/communicator.hpp"

namespace kronwerk::adversary {

enum class Family { operators, models, flows };
inline constexpr Family all_families[] = {Family::operators, Family::models, Family::flows};
const char* name_of(Family family);

/// A job that was judged wrong, with what reproduces it.
struct Finding {
  std::uint64_t seed = 0;
  std::string text;
};

/// Runs jobs and counts the verdicts. The configuration and the data of a job that is judged wrong
/// stay in a folder of their own; all others are removed.
class Runner {
 public:
  /// Collective.
  /// @param folder  where jobs are written; made if need be
  explicit Runner(const std::string& folder);
  Runner(const Runner&) = delete;
  Runner& operator=(const Runner&) = delete;
  ~Runner();

  /// Collective. The judgement is that of rank 0, known to all ranks.
  Verdict run(Family family, std::uint64_t seed);

  const std::vector<Finding>& findings() const { return findings_; }
  /// "123 right, 4 vague, …" of this family. On rank 0.
  std::string counts(Family family) const;
  int count(Family family, Verdict verdict) const;
  const communication::Communicator& comm() const { return comm_; }

 private:
  Ending execute(const std::string& configuration);

  communication::Communicator comm_;
  communication::Communicator failures_;
  std::filesystem::path folder_;
  std::map<std::pair<Family, Verdict>, int> counts_;
  std::vector<Finding> findings_;
};

}  // namespace kronwerk::adversary
