import http from 'http';
import WebSocket, { WebSocketServer } from 'ws';
import crypto from 'crypto';

interface Envelope {
  type: string;
  agentId: string;
  ts: number;
  nonce: string;
  payload: any;
  signature: string;
}

// Store agent secrets (in production, use a database or secrets manager)
const AGENT_SECRETS: Record<string, string> = {
  'agent-001': 'your-aws-secret-key-here',
  // Add more agents as needed
};

// Compute HMAC signature
function computeSignature(env: Omit<Envelope, 'signature'>, secret: string): string {
  const toSign = JSON.stringify({
    type: env.type,
    agentId: env.agentId,
    ts: env.ts,
    nonce: env.nonce,
    payload: env.payload,
  });
  return crypto.createHmac('sha256', secret).update(toSign).digest('hex');
}

// Verify message signature
function verifyEnvelope(env: Envelope): boolean {
  const secret = AGENT_SECRETS[env.agentId];
  if (!secret) {
    console.warn(`[server] Unknown agent: ${env.agentId}`);
    return false;
  }

  const { signature, ...rest } = env;
  const expected = computeSignature(rest, secret);
  
  return crypto.timingSafeEqual(
    Buffer.from(signature, 'hex'),
    Buffer.from(expected, 'hex')
  );
}

// Track connected agents
const agents = new Map<string, { socket: WebSocket; lastSeen: number }>();

const server = http.createServer();
const wss = new WebSocketServer({ server, path: '/agent' });

wss.on('connection', (socket, req) => {
  console.log(`[server] New connection from ${req.socket.remoteAddress}`);
  let agentId: string | null = null;

  socket.on('message', (data) => {
    try {
      const env: Envelope = JSON.parse(data.toString());

      // Verify signature
      if (!verifyEnvelope(env)) {
        console.warn(`[server] Invalid signature from ${env.agentId}`);
        socket.close(1008, 'invalid_signature');
        return;
      }

      agentId = env.agentId;
      agents.set(agentId, { socket, lastSeen: Date.now() });

      // Handle different message types
      switch (env.type) {
        case 'auth':
          console.log(`[server] Agent authenticated: ${agentId}`, env.payload);
          // Send welcome message or initial command
          break;

        case 'metrics':
          console.log(`[server] Metrics from ${agentId}:`, env.payload);
          // Store metrics in database, send to monitoring system, etc.
          // env.payload contains: { cpuPercent, memPercent, diskUsage }
          break;

        case 'heartbeat':
          console.log(`[server] Heartbeat from ${agentId}`);
          // Update last seen timestamp
          if (agents.has(agentId)) {
            agents.get(agentId)!.lastSeen = Date.now();
          }
          break;

        case 'command_result':
          console.log(`[server] Command result from ${agentId}:`, env.payload);
          // Handle command execution results
          break;

        case 'log':
          console.log(`[server] Log from ${agentId}:`, env.payload);
          // Handle log messages
          break;

        default:
          console.log(`[server] Unknown message type: ${env.type}`);
      }
    } catch (error) {
      console.error('[server] Error processing message:', error);
      socket.close(1003, 'invalid_json');
    }
  });

  socket.on('close', () => {
    if (agentId) {
      agents.delete(agentId);
      console.log(`[server] Agent disconnected: ${agentId}`);
    }
  });

  socket.on('error', (error) => {
    console.error(`[server] WebSocket error:`, error);
  });
});

// Send command to an agent
function sendCommand(agentId: string, command: string, args?: Record<string, string>) {
  const session = agents.get(agentId);
  if (!session || session.socket.readyState !== WebSocket.OPEN) {
    console.warn(`[server] Agent not connected: ${agentId}`);
    return false;
  }

  const secret = AGENT_SECRETS[agentId];
  if (!secret) {
    console.warn(`[server] Unknown agent: ${agentId}`);
    return false;
  }

  const envWithoutSig = {
    type: 'command',
    agentId,
    ts: Date.now(),
    nonce: crypto.randomUUID(),
    payload: { command, args: args || {} },
  };

  const signature = computeSignature(envWithoutSig, secret);
  const env: Envelope = { ...envWithoutSig, signature };

  session.socket.send(JSON.stringify(env));
  return true;
}

// Start server
const PORT = process.env.PORT || 443; // Use 443 for wss://
server.listen(PORT, () => {
  console.log(`WebSocket server listening on port ${PORT}`);
  console.log(`Agents should connect to: wss://<public-ip>:${PORT}/agent`);
});
