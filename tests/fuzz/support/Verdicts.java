import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import software.amazon.event.ruler.Machine;

/** What event-ruler says of each line {"pattern": "...", "event": "..."} of its input: match, no match or invalid. */
public class Verdicts {
  public static void main(String[] arguments) throws Exception {
    ObjectMapper mapper = new ObjectMapper();
    BufferedReader lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    PrintStream out = new PrintStream(System.out, false, StandardCharsets.UTF_8);
    for (String line = lines.readLine(); line != null; line = lines.readLine()) {
      JsonNode asked = mapper.readTree(line);
      Machine machine = new Machine();
      try {
        machine.addRule("rule", asked.get("pattern").asText());
      } catch (Exception refused) {
        out.println("invalid");
        continue;
      }
      out.println(machine.rulesForJSONEvent(asked.get("event").asText()).isEmpty() ? "no match" : "match");
    }
    out.flush();
  }
}
