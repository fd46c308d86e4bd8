import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;

/** The JDK's client as it is by default: every request on a new connection offers an upgrade to HTTP/2. */
public class Client {
    public static void main(String[] args) throws Exception {
        String url = args[0];
        String token = args[1];
        for (String path : new String[] {"/health/live", "/api/info"})
            print(HttpRequest.newBuilder(URI.create(url + path)).header("Authorization", "Bearer " + token).build());
        String exec = "{\"command\":[\"cat\"],\"stdin\":\"" + "x".repeat(100_000) + "\"}";
        print(HttpRequest.newBuilder(URI.create(url + args[2] + "/exec"))
            .header("Authorization", "Bearer " + token)
            .header("Content-Type", "application/json")
            .POST(HttpRequest.BodyPublishers.ofString(exec))
            .build());
        URI file = URI.create(url + args[2] + "/files?path=java");
        print(HttpRequest.newBuilder(file).header("Authorization", "Bearer " + token)
            .PUT(HttpRequest.BodyPublishers.ofString("y".repeat(3_000_000))).build());
        print(HttpRequest.newBuilder(file).header("Authorization", "Bearer " + token).build());
    }

    /** Of a new client, since an offer that was declined is not repeated on the same connection. */
    private static void print(HttpRequest request) throws Exception {
        var response = HttpClient.newHttpClient().send(request, BodyHandlers.ofByteArray());
        System.out.println(response.statusCode() + " " + response.version() + " " + response.body().length);
    }
}
