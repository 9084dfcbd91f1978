#pragma once

#include <map>
#include <string>
#include <vector>

#include "kronwerk/communication/communicator.hpp"
#include "kronwerk/factors/base/factor.hpp"
#include "kronwerk/io/files/location.hpp"

namespace kronwerk::application {

/// A warning for every sparse matrix that may be meant by columns (CSC) and not by rows: its group
/// does not say which, its arrays fit both, and the two differ. Collective.
/// @param matrices  those of `data` that were loaded
std::vector<std::string> doubtful_orientations(
    const communication::Communicator& comm, const std::map<std::string, io::DatasetInfo>& data,
    const std::map<std::string, factors::FactorPtr>& matrices);

}  // namespace kronwerk::application
