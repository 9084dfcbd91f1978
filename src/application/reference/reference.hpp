#pragma once

#include <string>

namespace CLI {
class App;
}

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

/// The table of keys as JSON Schema (draft 7), for editors.
std::string json_schema();

/// A script for bash that completes commands, options, tasks and keys.
std::string bash_completion(const CLI::App& program);

/// The manual page, kronwerk(1), in the language of man.
std::string manual_page(const CLI::App& program);

}  // namespace kronwerk::application
