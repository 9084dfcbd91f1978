#pragma once

#include <string>

namespace kronwerk::application {

/// The rows of the table of keys that a user may mean: that of the path, or all that end with this
/// name, each with the keys below it. @throws ConfigurationError with the nearest name
std::string help_of_key(const std::string& key);

/// A commented job of a task that runs on the data of the examples, with their paths.
/// @param examples  the folder of the examples
/// @throws ConfigurationError, with the nearest name, if there is no such task
std::string new_job(const std::string& task, const std::string& examples);

/// Where the examples are, as seen from the running program: installed, or in the sources that it
/// was built from. @throws ConfigurationError
std::string examples_folder();

}  // namespace kronwerk::application
