#pragma once

#include <string>
#include <vector>

#include "kronwerk/configuration/job.hpp"
#include "kronwerk/io/files/file_identity.hpp"

namespace kronwerk::application {

/// The files that a job reads, each once, to notice that they have changed. Serial: on rank 0.
class DataFiles {
 public:
  /// Looks at metadata alone, before anything is read. @throws DataError if a file is not there
  void glance(const configuration::Job& job);
  /// What they are. @throws DataError that names a file which has changed since glance()
  std::vector<io::FileIdentity> identify() const;
  /// The first that is not what it was; empty if there is none. Names do not matter, so that a
  /// folder may be moved.
  std::string find_changed(const std::vector<io::FileIdentity>& before) const;

 private:
  std::vector<io::FileIdentity> glances_;
};

}  // namespace kronwerk::application
