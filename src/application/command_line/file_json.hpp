#pragma once

#include <string>

#include "kronwerk/io/hdf5/show.hpp"

namespace kronwerk::application {

/// What a file holds as one JSON object, numbers as numbers.
std::string file_json(const io::FileDescription& description);

}  // namespace kronwerk::application
